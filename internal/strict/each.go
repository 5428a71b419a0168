package strict

import "errors"

// Each parts an error that joins several, however deep; none for nil. What stands
// around the joined ones is lost.
func Each(err error) (all []error) {
	var several interface{ Unwrap() []error }
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, e := range several.Unwrap() {
			all = append(all, Each(e)...)
		}
	default:
		all = append(all, err)
	}
	return all
}
