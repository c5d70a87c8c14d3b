package access

// Settings of projects. What a project may spend, and how fast, is the
// organization's to say: OpenAI's table has rate limits in organization
// administration, which no role in a project holds, and billing goes with them.
// Which models and tools a project uses is its own administration.
const (
	RateLimitsRead  Permission = "api.rate_limits.read"
	RateLimitsWrite Permission = "api.rate_limits.write"

	BillingRead  Permission = "api.organization.billing.read" // spend limits and alerts
	BillingWrite Permission = "api.organization.billing.write"

	ProjectModelsRead  Permission = "api.project.models.read" // models, hosted tools and service tiers of a project
	ProjectModelsWrite Permission = "api.project.models.write"
)
