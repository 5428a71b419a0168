//go:build !windows

package winservice

import "context"

// Run calls the program.
func Run(ctx context.Context, _ string, program func(context.Context) int) int { return program(ctx) }
