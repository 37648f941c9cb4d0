package auth

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ParseNetworks reads networks in CIDR notation and single addresses. The error is
// an [*InvalidError].
func ParseNetworks(texts []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil && address.Zone() == "" {
			address = address.Unmap()
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil:
			return nil, &InvalidError{"networks", fmt.Sprintf("%q is neither an address nor a network, as 192.0.2.7 and 2001:db8::/32 are", text)}
		case network.Addr().Is4In6():
			return nil, &InvalidError{"networks", fmt.Sprintf("%q is a network of IPv4 in disguise, write it as one of IPv4", text)}
		case network != network.Masked():
			return nil, &InvalidError{"networks", fmt.Sprintf("%q is an address within a network; the network is %s", text, network.Masked())}
		case slices.Contains(networks, network):
			return nil, &InvalidError{"networks", fmt.Sprintf("%q is named twice", text)}
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// NetworkTexts is what [ParseNetworks] reads.
func NetworkTexts(networks []netip.Prefix) []string {
	texts := make([]string, len(networks))
	for i, network := range networks {
		if texts[i] = network.String(); network.IsSingleIP() {
			texts[i] = network.Addr().String()
		}
	}
	return texts
}

// checkAddress refuses a request from outside the networks, of which none means
// all.
func checkAddress(networks []netip.Prefix, r *http.Request) error {
	if len(networks) == 0 {
		return nil
	}
	address := ClientOf(r).Address
	for _, network := range networks {
		if network.Contains(address) {
			return nil
		}
	}
	from := "an unknown address"
	if address.IsValid() {
		from = address.String()
	}
	list := NetworkTexts(networks)
	return &Refusal{Status: http.StatusForbidden, Code: "address_not_allowed", Limit: "networks", Value: list,
		Message: fmt.Sprintf("The key must not be used from %s, only from %s.", from, strings.Join(list, ", "))}
}
