package exporters

import "hash/crc32"

// crcJoin gives the check sum of two texts that stand one after the other,
// from the sums of both and the length of the second, without looking at
// them: appending n zero bytes is a linear map over the bits of the sum, and
// its powers of two are made by squaring.
func crcJoin(first, second uint32, n int) uint32 {
	if n == 0 {
		return first
	}
	var odd, even [32]uint32
	odd[0] = crc32.IEEE // one zero bit
	for i := 1; i < 32; i++ {
		odd[i] = 1 << (i - 1)
	}
	square(&even, &odd) // two bits
	square(&odd, &even) // four bits
	for at, other := &odd, &even; n > 0; n >>= 1 {
		square(other, at)
		at, other = other, at
		if n&1 != 0 {
			first = apply(at, first)
		}
	}
	return first ^ second
}

func apply(m *[32]uint32, bits uint32) uint32 {
	var sum uint32
	for i := 0; bits != 0; i++ {
		if bits&1 != 0 {
			sum ^= m[i]
		}
		bits >>= 1
	}
	return sum
}

func square(out, m *[32]uint32) {
	for i := range out {
		out[i] = apply(m, m[i])
	}
}
