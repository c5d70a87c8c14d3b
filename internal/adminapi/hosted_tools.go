package adminapi

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/optional"
	"weir/internal/org"
)

// hostedTools say which of the provider's tools a project may use.
type hostedTools struct {
	FileSearch      hostedTool `json:"file_search"`
	WebSearch       hostedTool `json:"web_search"`
	ImageGeneration hostedTool `json:"image_generation"`
	MCP             hostedTool `json:"mcp"`
	CodeInterpreter hostedTool `json:"code_interpreter"`
}

type hostedTool struct {
	Enabled bool `json:"enabled" required:"true"`
}

// hostedToolsChange leaves the tools alone that are left out or null.
type hostedToolsChange struct {
	FileSearch      optional.Value[hostedTool] `json:"file_search"`
	WebSearch       optional.Value[hostedTool] `json:"web_search"`
	ImageGeneration optional.Value[hostedTool] `json:"image_generation"`
	MCP             optional.Value[hostedTool] `json:"mcp"`
	CodeInterpreter optional.Value[hostedTool] `json:"code_interpreter"`
}

func (a *API) hostedTools() []endpoint.Endpoint {
	const path, at = projectPath + "/hosted_tool_permissions", endpoint.AtProject
	return []endpoint.Endpoint{
		endpoint.Read("GET "+path, access.ProjectModelsRead, at, a.getHostedTools),
		endpoint.Write("POST "+path, access.ProjectModelsWrite, at, []audit.Action{audit.ProjectUpdated}, a.setHostedTools),
	}
}

func (a *API) getHostedTools(ctx context.Context, c *endpoint.Call) (hostedTools, error) {
	s, err := a.org.Settings(ctx, c.OrganizationID(), c.Path("project_id"))
	return showHostedTools(s), err
}

func (a *API) setHostedTools(ctx context.Context, c *endpoint.Call, in hostedToolsChange) (hostedTools, error) {
	enabled := map[org.HostedTool]bool{}
	for tool, v := range map[org.HostedTool]optional.Value[hostedTool]{
		org.FileSearch: in.FileSearch, org.WebSearch: in.WebSearch, org.ImageGeneration: in.ImageGeneration,
		org.MCP: in.MCP, org.CodeInterpreter: in.CodeInterpreter,
	} {
		if v.Given() {
			enabled[tool] = v.V.Enabled
		}
	}
	s, err := a.org.SetHostedTools(ctx, c.Actor(), c.Path("project_id"), enabled)
	return showHostedTools(s), err
}

func showHostedTools(s org.Settings) hostedTools {
	return hostedTools{
		FileSearch: hostedTool{s.Allows(org.FileSearch)}, WebSearch: hostedTool{s.Allows(org.WebSearch)},
		ImageGeneration: hostedTool{s.Allows(org.ImageGeneration)}, MCP: hostedTool{s.Allows(org.MCP)},
		CodeInterpreter: hostedTool{s.Allows(org.CodeInterpreter)},
	}
}
