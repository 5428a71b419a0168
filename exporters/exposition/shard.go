package exposition

import (
	"fmt"
	"strconv"
	"strings"
)

// buckets is into how many groups customers are divided by their hash. A shard
// is made of whole buckets, so that what was rendered once serves any number
// of shards up to this one.
const buckets = 64

// bucketOf never changes for a customer: between two versions of the exporter
// a job must not move to another shard.
func bucketOf(customer string) int {
	sum := hashOf(customer)
	return int((sum ^ sum>>32) % buckets)
}

// hashOf is FNV-1a.
func hashOf(s string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(s) {
		sum = (sum ^ uint64(s[i])) * 1099511628211
	}
	return sum
}

// shard is one nth of the exposition; the whole is shard 0 of 1.
type shard struct{ i, n int }

var wholeExposition = shard{0, 1}

// parseShard reads "i/n".
func parseShard(text string) (shard, error) {
	left, right, ok := strings.Cut(text, "/")
	i, errI := strconv.Atoi(left)
	n, errN := strconv.Atoi(right)
	if !ok || errI != nil || errN != nil || n < 1 || n > buckets || i < 0 || i >= n || text != fmt.Sprintf("%d/%d", i, n) {
		return shard{}, fmt.Errorf("shard is not i/n with 0 <= i < n <= %d; write for example ?shard=0/4, and scrape 1/4, 2/4 and 3/4 as well", buckets)
	}
	return shard{i, n}, nil
}

func (s shard) has(bucket int) bool { return bucket%s.n == s.i }

// first tells whether the shard also has what belongs to no customer.
func (s shard) first() bool { return s.i == 0 }

func (s shard) whole() bool { return s.n == 1 }

func (s shard) String() string { return fmt.Sprintf("%d/%d", s.i, s.n) }
