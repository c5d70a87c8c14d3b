package main

import (
	"context"
	"fmt"

	"weir/internal/config"
	"weir/internal/fault"
)

// examineProviders asks identity providers for their descriptions, as the first
// sign-in through each would.
func examineProviders(ctx context.Context, cfg config.Config) []finding {
	var out []finding
	for _, p := range oidcProviders(cfg) {
		what := fmt.Sprintf("The identity provider %s (%s)", p.Config().Name, p.Config().Issuer)
		if _, _, err := p.Begin(ctx, "/"); err != nil {
			if refusal := fault.Of(err); refusal != nil && refusal.Cause != nil {
				err = refusal.Cause
			}
			out = append(out, bad("%s cannot be used: %v.", what, err))
			continue
		}
		out = append(out, good("%s answers. It must send people back to %s.", what, p.Redirect()))
	}
	return out
}
