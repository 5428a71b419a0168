package receiver

import "context"

// SendReports is one turn of the loop that sends reports.
func (e *Engine) SendReports(ctx context.Context) error { return e.sender.Turn(ctx) }
