package org

import (
	"context"
	"slices"

	"weir/internal/audit"
)

// HostedTool is a tool that the provider runs, by the name OpenAI's API gives it.
type HostedTool string

// The hosted tools that a project can be kept from.
const (
	FileSearch      HostedTool = "file_search"
	WebSearch       HostedTool = "web_search"
	ImageGeneration HostedTool = "image_generation"
	MCP             HostedTool = "mcp"
	CodeInterpreter HostedTool = "code_interpreter"
)

// Allows reports whether the project may use a hosted tool.
func (s Settings) Allows(tool HostedTool) bool { return !slices.Contains(s.DisabledTools, tool) }

// SetHostedTools turns a project's hosted tools on and off; those that are not in
// enabled stay as they are.
func (s *Service) SetHostedTools(ctx context.Context, actor audit.Actor, projectID string, enabled map[HostedTool]bool) (Settings, error) {
	requested := map[string]any{}
	for tool, on := range enabled {
		requested[string(tool)] = map[string]any{"enabled": on}
	}
	return s.changeSettings(ctx, actor, projectID, holder, map[string]any{"hosted_tool_permissions": requested}, func(s *Settings) error {
		disabled := slices.DeleteFunc(slices.Clone(s.DisabledTools), func(tool HostedTool) bool {
			_, sent := enabled[tool]
			return sent
		})
		for tool, on := range enabled {
			if !on {
				disabled = append(disabled, tool)
			}
		}
		slices.Sort(disabled)
		s.DisabledTools = disabled
		return nil
	})
}
