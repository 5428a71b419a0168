package winservice

import (
	"context"

	"golang.org/x/sys/windows/svc"
)

// Run calls the program. If Windows started it as a service, Run reports to the service
// manager that it runs, and its order to stop ends the program's context.
func Run(ctx context.Context, name string, program func(context.Context) int) int {
	service, err := svc.IsWindowsService()
	if err != nil || !service {
		return program(ctx)
	}
	h := &handler{ctx: ctx, program: program}
	if err := svc.Run(name, h); err != nil {
		return 1
	}
	return h.code
}

// handler implements svc.Handler.
type handler struct {
	ctx     context.Context
	program func(context.Context) int
	code    int
}

// Execute runs the program until it ends by itself or Windows stops it.
func (h *handler) Execute(_ []string, orders <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	ctx, stop := context.WithCancel(h.ctx)
	defer stop()
	done := make(chan int, 1)
	go func() { done <- h.program(ctx) }()
	status <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case h.code = <-done:
			// Any code but 0 makes the service's recovery action start it again.
			return h.code != 0, uint32(h.code)
		case order := <-orders:
			switch order.Cmd {
			case svc.Interrogate:
				status <- order.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending, WaitHint: 20_000}
				stop()
			}
		}
	}
}
