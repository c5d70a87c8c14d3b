package webhook

import (
	"fmt"
	"net/netip"
)

// checkPublic refuses the addresses of this machine and of private networks.
func checkPublic(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return fmt.Errorf("%s is not a public address: WEIR_WEBHOOK_ALLOW_PRIVATE=true allows it", ip)
	}
	for _, special := range specialNetworks {
		if special.Contains(ip) {
			return fmt.Errorf("%s is not a public address: WEIR_WEBHOOK_ALLOW_PRIVATE=true allows it", ip)
		}
	}
	return nil
}

// specialNetworks are global by their form and not by their use (IANA's special
// purpose registries): this network, carrier NAT, protocol assignments,
// benchmarks, reserved ones, and IPv4 within IPv6.
var specialNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
}
