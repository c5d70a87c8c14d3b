package upstream

import (
	"net/http"
	"net/url"
	"strings"

	"weir/internal/fault"
)

// azureAPIVersion is sent to deployment addresses when the caller sends no
// api-version: the newest generally available data-plane version with
// deployments in the path.
const azureAPIVersion = "2024-10-21"

// azureDeployed are the calls whose address names the deployment. All others
// of that API stand directly below /openai.
var azureDeployed = [...]string{
	"/chat/completions", "/completions", "/embeddings",
	"/images/generations", "/images/edits",
	"/audio/speech", "/audio/transcriptions", "/audio/translations",
}

// azure is Azure OpenAI. A base URL that ends in /openai/v1 is its newer API,
// with OpenAI's own paths and the deployment as the model; any other is a
// resource (https://NAME.openai.azure.com) with deployments in the path and a
// dated api-version.
type azure struct{}

func (azure) URL(c Call) (string, error) {
	if err := c.Validate(); err != nil {
		return "", err
	}
	if strings.HasPrefix(c.Path, "/organization") {
		return "", fault.Invalidf("invalid_path", "", "Azure OpenAI has no Admin API.")
	}
	if strings.HasSuffix(c.Base, "/openai/v1") {
		return join(c.Base, c.Path, c.RawQuery), nil
	}
	base := strings.TrimSuffix(c.Base, "/openai") + "/openai"
	for _, path := range azureDeployed {
		if c.Path != path {
			continue
		}
		if c.Model == "" || c.Model == "." || c.Model == ".." {
			return "", fault.Invalidf("invalid_model", "model", "Azure OpenAI needs the name of a deployment to call %s.", c.Path)
		}
		base += "/deployments/" + url.PathEscape(c.Model)
		break
	}
	return join(base, c.Path, withAPIVersion(c.RawQuery)), nil
}

func (azure) Credential(h http.Header, key string) {
	if key != "" {
		h.Set("Api-Key", key)
	}
}

// withAPIVersion leaves a query that names a version as it is.
func withAPIVersion(query string) string {
	const name = "api-version="
	if strings.HasPrefix(query, name) || strings.Contains(query, "&"+name) {
		return query
	}
	if query != "" {
		query += "&"
	}
	return query + name + azureAPIVersion
}
