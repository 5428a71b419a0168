package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"vigie/exporters/arcserve"
	"vigie/exporters/windowsbackup"
)

// The simulated backup products run their plans once a day, at this hour.
const nightHour = 21 // UTC

// Credentials are those that the exporter presents to the simulated products.
type Credentials struct {
	AcronisID, AcronisSecret string
	VeeamUser, VeeamPassword string
}

// product is a simulated backup product, with one way of reading it.
type product interface {
	// enter makes the product know a backup, again if it was deleted.
	enter(b *Backup)
	// able tells whether the product can simulate a condition of a backup.
	able(b *Backup, c Condition) bool
	// happen makes the backup's condition true now.
	happen(b *Backup) error
	// usual is the error text of a failure for which none is given.
	usual() string
	// late products can run only once the real programs do, and remember by themselves.
	late() bool
}

// SourceState is one source of the exporter, with the product behind it.
type SourceState struct {
	Name, Title string
	// Kind is the product's key in the exporter's configuration.
	Kind    string
	Down    bool
	Handler http.Handler // nil if the product is not asked over HTTP
	// Tenants maps the product's tenants to customers; Customer owns a server that
	// is not shared. One of the two is empty.
	Tenants                map[string]string
	Customer, CustomerName string
	Role                   string
	Namespace              string // of a web service
	// Machine and Class are of the one machine, Folder is where its logs are
	// exported to.
	Machine, Class, Folder string
	// Address and CAFile are of a server that does not speak HTTP.
	Address, CAFile string

	setDown func(bool) // nil if it cannot be stopped
}

// Stoppable tells whether the product can be told not to answer.
func (s SourceState) Stoppable() bool { return s.setDown != nil }

// products are all simulated products, each made when a machine needs it.
type products struct {
	now     func() time.Time
	options FleetOptions
	sources []*SourceState
	made    map[string]product // by name of the source
	closers []io.Closer
	err     error
}

// failed notes why a product could not be built.
func (p *products) failed(err error) { p.err = errors.Join(p.err, err) }

func newProducts(now func() time.Time, o FleetOptions) *products {
	return &products{now: now, options: o, made: map[string]product{}}
}

// of returns the product that makes a machine's backups with an engine, and the name
// of its source; nil if the lab has none.
func (p *products) of(m *Machine, engine, role string) (product, string) {
	shared := func(name string, build func(*products, string) product) (product, string) {
		if p.made[name] == nil {
			p.made[name] = build(p, name)
		}
		return p.made[name], name
	}
	own := func(prefix string, build func(*products, string, *Machine, string) product) (product, string) {
		return shared(prefix+"-"+m.Customer, func(p *products, name string) product { return build(p, name, m, role) })
	}
	alone := func(prefix string, build func(*products, string, *Machine, string) product) (product, string) {
		return shared(prefix+"-"+m.Customer+"-"+strings.ToLower(m.Name), func(p *products, name string) product { return build(p, name, m, role) })
	}
	switch {
	case engine == "acronis":
		return shared("acronis", newAcronis)
	case engine == "veeam" && m.Class == "workstation":
		return alone("veeam-agent", newVeeamAgent)
	case engine == windowsbackup.Engine:
		return alone("wsb", newWindowsBackup)
	case engine == "veeam" && role == "primary":
		return own("veeam-em", newEnterpriseManager)
	case engine == "veeam":
		return own("veeam", newVeeam)
	case engine == arcserve.Engine:
		return own("arcserve", newArcserve)
	case engine == "synology":
		return shared("mails", newMailbox)
	case engine == "restic" && p.options.Restic != nil:
		return shared("push", newResticRuns)
	}
	return nil, ""
}

// source adds a source of the exporter.
func (p *products) source(s SourceState) *SourceState {
	if s.Handler != nil {
		t := &tap{next: s.Handler}
		s.Handler, s.setDown = t, t.down.Store
	}
	p.sources = append(p.sources, &s)
	return &s
}

// tap makes a product stop answering while down is set.
type tap struct {
	down atomic.Bool
	next http.Handler
}

func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if t.down.Load() {
		http.Error(w, "the product does not answer", http.StatusServiceUnavailable)
		return
	}
	t.next.ServeHTTP(w, r)
}

// settle completes the products once every machine is known.
func (p *products) settle() {
	for _, s := range p.sources {
		if v, ok := p.made[s.Name].(*veeamServer); ok {
			v.addJobs()
		}
	}
}
