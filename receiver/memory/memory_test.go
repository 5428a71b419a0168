package memory

import (
	"fmt"
	"reflect"
	"testing"
)

// A signal's faults replace those that it had, also when no more are taken in, and one
// name is said once however many signals have it.
func TestIssues(t *testing.T) {
	var i Issues
	for n := range maxIssues + 1 {
		i.Set(fmt.Sprint("f", n), fmt.Sprint("machine ", n%2), []string{"unmatched", "unplanned"}[n%2:])
	}
	i.Set("f1", "machine 3", []string{"no customer"})
	i.Set("f3", "", nil)
	i.Set("f5", "", []string{"no customer"})
	want := map[string]int{"unmatched": maxIssues / 2, "unplanned": maxIssues - 3, "no customer": 2}
	if got := i.Counts(); !reflect.DeepEqual(got, want) {
		t.Errorf("counted %v", got)
	}
	names := map[string][]string{"unmatched": {"machine 0"}, "unplanned": {"machine 0", "machine 1"}, "no customer": {"machine 3"}}
	if got := i.Names(); !reflect.DeepEqual(got, names) {
		t.Errorf("named %v", got)
	}
}

// Naming is not slower for each name that there is already: whoever takes signals in
// waits for it.
func BenchmarkIssuesNames(b *testing.B) {
	for _, size := range []int{1000, 10_000, 100_000} {
		var i Issues
		for n := range size {
			i.Set(fmt.Sprint("f", n), fmt.Sprint("machine ", n), []string{"unmatched"})
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				i.Names()
			}
		})
	}
}
