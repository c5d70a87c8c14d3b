package access

// Mask is a set of permissions in a few bits, for who holds very many sets and
// asks them very often. It means nothing outside the process that made it.
type Mask [2]uint64

// MaskOf packs s. Permissions that are not in the catalogue are left out.
func MaskOf(s Set) Mask {
	var m Mask
	for p := range s {
		if f, ok := catalogue[p]; ok {
			m[f.bit/64] |= 1 << (f.bit % 64)
		}
	}
	return m
}

// Has reports whether p is in m.
func (m Mask) Has(p Permission) bool {
	f, ok := catalogue[p]
	return ok && m[f.bit/64]&(1<<(f.bit%64)) != 0
}

// Or is the union of both.
func (m Mask) Or(other Mask) Mask { return Mask{m[0] | other[0], m[1] | other[1]} }
