package exposition

import "hash/crc32"

// joiner gives check sums of joined texts from the sums of their parts,
// without looking at the texts: appending n zero bytes multiplies the sum, as a
// polynomial, by x to the power of 8n.
type joiner [64]uint32 // x to the power of 2 to the power of the index

func newJoiner() *joiner {
	var j joiner
	j[0] = 1 << 30 // x; the highest bit is 1
	for i := 1; i < len(j); i++ {
		j[i] = multiply(j[i-1], j[i-1])
	}
	return &j
}

// multiply is the product of two polynomials, modulo that of the sum.
func multiply(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1 << 31); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ crc32.IEEE
		} else {
			b >>= 1
		}
	}
	return product
}

// join gives the sum of two texts, the second of which has n bytes.
func (j *joiner) join(first, second uint32, n int) uint32 {
	power := uint32(1 << 31) // 1
	for i, bits := 3, uint64(n); bits != 0; i, bits = i+1, bits>>1 {
		if bits&1 != 0 {
			power = multiply(j[i%len(j)], power)
		}
	}
	return multiply(power, first) ^ second
}
