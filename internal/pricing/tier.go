package pricing

// Tier is a service tier as prices know it.
type Tier string

// The tiers with prices of their own.
const (
	Standard Tier = "standard"
	Batch    Tier = "batch"
	Flex     Tier = "flex"
	Priority Tier = "priority"
)

// TierOf reads the service tier a provider reported; batch wins over any word.
// Scale is capacity paid for apart, whose tokens count at the standard price. A
// word weir does not know is kept: it has no price, rather than a wrong one.
func TierOf(reported string, batch bool) Tier {
	if batch {
		return Batch
	}
	switch reported {
	case "", "auto", "default", "standard", "scale":
		return Standard
	default:
		return Tier(reported)
	}
}

// factor is a price relative to the standard tier's.
type factor struct{ num, den int64 }

// fromStandard returns the factor for a tier without a row.
func (t Tier) fromStandard() (f factor, ok bool) {
	switch t {
	case Standard:
		return factor{1, 1}, true
	case Batch, Flex:
		return factor{1, 2}, true
	case Priority:
		return factor{2, 1}, true
	default:
		return factor{}, false
	}
}

// prefix is how the bill marks the tier in front of a line item.
func (t Tier) prefix() string {
	if t == Standard {
		return ""
	}
	return string(t) + " | "
}
