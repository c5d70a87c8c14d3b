package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/peer"
)

// Networks is a list of networks and single addresses, separated by commas:
// 10.0.0.0/8,127.0.0.1. It is text so that configurations can be compared.
type Networks string

// ParseNetworks reads a list that may have blanks around its commas.
func ParseNetworks(text string) (Networks, error) {
	var names []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		network, err := peer.ParseNetwork(item)
		if err != nil {
			return "", fmt.Errorf("is not a list of addresses and networks, such as 127.0.0.1,10.0.0.0/8: %w", err)
		}
		if name := peer.NetworkText(network); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return Networks(strings.Join(names, ",")), nil
}

// Prefixes are the networks; those of a text that ParseNetworks did not make may
// be fewer than its items.
func (n Networks) Prefixes() []netip.Prefix {
	var networks []netip.Prefix
	for item := range strings.SplitSeq(string(n), ",") {
		if network, err := peer.ParseNetwork(item); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}
