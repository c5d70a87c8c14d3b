// Package peer works out where a request comes from: from the connection, or,
// when that is a proxy the operator trusts, from what the proxy says.
package peer

import (
	"fmt"
	"net/netip"
	"strings"
)

// Proxies are the networks of the proxies whose X-Forwarded-For is believed.
// None are trusted by the zero value.
type Proxies []netip.Prefix

// Trusts reports whether address is that of a trusted proxy.
func (p Proxies) Trusts(address netip.Addr) bool { return Contains(p, address) }

// maxHops bounds how many proxies are looked at, one behind the other.
const maxHops = 32

// Origin is the address of who sent a request: that of the connection's other
// end, remote ("host:port"), or, when that is a trusted proxy, the last hop that
// none of the trusted proxies is. forwarded are the values of X-Forwarded-For in
// their order. Each proxy appends the address it was called from, so what stands
// left of that hop is the caller's own invention and is not looked at. Where the
// proxies name nobody else, or what is no address, the origin is the last of
// them that is known.
//
// proxied says that the connection is a trusted proxy's. The origin is zero when
// remote names no address.
func (p Proxies) Origin(remote string, forwarded []string) (origin netip.Addr, proxied bool) {
	origin = Address(remote)
	if !p.Trusts(origin) {
		return origin, false
	}
	hops := 0
	for i := len(forwarded) - 1; i >= 0; i-- {
		rest := forwarded[i]
		for more := true; more; {
			var hop string
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, hop = rest[:cut], rest[cut+1:]
			} else {
				hop, more = rest, false
			}
			address := hopAddress(strings.TrimSpace(hop))
			if hops++; !address.IsValid() || hops > maxHops {
				return origin, true
			}
			if origin = address; !p.Trusts(address) {
				return origin, true
			}
		}
	}
	return origin, true
}

// hopAddress reads an element of X-Forwarded-For: an address, by some proxies
// with the port.
func hopAddress(hop string) netip.Addr {
	if address, err := netip.ParseAddr(hop); err == nil {
		return plain(address)
	}
	return Address(hop)
}

// Address is the address in "host:port"; zero when there is none.
func Address(hostPort string) netip.Addr {
	at, err := netip.ParseAddrPort(hostPort)
	if err != nil {
		return netip.Addr{}
	}
	return plain(at.Addr())
}

// plain is an address without its zone, and as IPv4 where it is that.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// Text is the address in "host:port" as it is written down; "" when there is
// none.
func Text(hostPort string) string {
	address := Address(hostPort)
	if !address.IsValid() {
		return ""
	}
	var room [48]byte
	text := address.AppendTo(room[:0])
	host := strings.Trim(hostPort[:strings.LastIndexByte(hostPort, ':')], "[]")
	if host == string(text) { // as nearly always, and then nothing is allocated
		return host
	}
	return string(text)
}

// Contains reports whether address is in one of the networks.
func Contains(networks []netip.Prefix, address netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// ParseNetwork reads a network, 192.0.2.0/24, or a single address, which is a
// network of one. What lies beyond the network's length is cut off, and IPv4
// that is written in IPv6 becomes IPv4.
func ParseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is no IP address", text)
		}
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 192.0.2.0/24", text)
	}
	if address := network.Addr(); address.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(address.Unmap(), network.Bits()-96)
	}
	return network.Masked(), nil
}

// NetworkText writes a network as people do: one of a single address is the
// address.
func NetworkText(network netip.Prefix) string {
	if network.IsSingleIP() {
		return network.Addr().String()
	}
	return network.String()
}
