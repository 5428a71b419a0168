package acronis

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vigie/exporters"
)

// The wire types keep to what the services send. Ids are Text because some
// services write numbers and others strings, and lower-cased before joining,
// because agents write UUIDs in upper case and the cloud in lower case.

type tenant struct {
	ID       exporters.Text `json:"id"`
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	ParentID exporters.Text `json:"parent_id"`
	Enabled  exporters.Flag `json:"enabled"`
	// AncestralAccess is false for a customer that serves itself: whatever is
	// below it is refused to the tenants above.
	AncestralAccess exporters.Flag `json:"ancestral_access"`
	PricingMode     string         `json:"pricing_mode"`
	DeletedAt       exporters.Text `json:"deleted_at"`
}

func (t *tenant) key() string { return t.ID.Lower() }

func (t *tenant) deleted() bool { return t.DeletedAt != "" }

// usage is how much of one item a tenant uses. Some answers put the usages of
// a tenant into a list below it.
type usage struct {
	Name         string         `json:"name"`
	Type         string         `json:"type"`
	Unit         string         `json:"measurement_unit"`
	Value        exporters.Text `json:"value"`
	OfferingItem *struct {
		Status exporters.Number `json:"status"`
		Quota  struct {
			Value exporters.Text `json:"value"` // null: unlimited
		} `json:"quota"`
	} `json:"offering_item"`
	TenantID   exporters.Text `json:"tenant_id"`
	TenantUUID exporters.Text `json:"tenant_uuid"`
	Tenant     exporters.Text `json:"tenant"`
	Usages     []usage        `json:"usages"`
}

// trial is a tenant's pricing. The instant has no zone and is taken for UTC.
type trial struct {
	tenant string
	Mode   string            `json:"mode"`
	End    exporters.Instant `json:"production_start_date"`
}

// tenantRef is how tasks, alerts and agents name a tenant.
type tenantRef struct {
	ID      exporters.Text `json:"id"`
	UUID    exporters.Text `json:"uuid"`
	Name    string         `json:"name"`
	Locator string         `json:"locator"`
}

type resourceStatus struct {
	Aggregate struct {
		Names   names      `json:"names"`
		Status  string     `json:"status"`
		Running activities `json:"running"`
	} `json:"aggregate"`
	Context struct {
		ID              exporters.Text `json:"id"`
		Type            string         `json:"type"`
		Name            string         `json:"name"`
		UserDefinedName string         `json:"user_defined_name"`
		TenantID        exporters.Text `json:"tenant_id"`
		AgentID         exporters.Text `json:"agent_id"`
		Attributes      *[]attributes  `json:"attributes"`
	} `json:"context"`
	Policies   []policyStatus `json:"policies"`
	Attributes *[]attributes  `json:"attributes"`

	read     bool  // what follows was taken out of the rest
	known    bool  // the type
	runs     bool  // something of it ran when it was read
	policies int32 // of all kinds
	class    exporters.Class
	zone     *time.Location
}

// sameNames tells whether two readings of a resource name the same things:
// what agents are called by.
func (r *resourceStatus) sameNames(o *resourceStatus) bool {
	a, b := &r.Context, &o.Context
	return a.Name == b.Name && a.UserDefinedName == b.UserDefinedName && a.TenantID == b.TenantID && a.AgentID == b.AgentID && a.Type == b.Type
}

func (r *resourceStatus) key() string { return r.Context.ID.Lower() }

// digest keeps of a resource only what is needed: they are held in memory, and
// there are many.
func (r *resourceStatus) digest() {
	if r.read {
		return
	}
	all := attributesOf(r)
	r.class, r.known = classOf(r.Context.Type, all)
	r.zone = zoneOf(all)
	r.policies = int32(len(r.Policies))
	var backups []policyStatus
	for _, p := range r.Policies {
		if strings.HasPrefix(strings.ToLower(p.Type), anyBackup) {
			backups = append(backups, p)
		}
	}
	r.Policies, r.Attributes, r.Context.Attributes, r.read = backups, nil, nil, true
	r.runs = r.running()
}

// policyStatus is what is kept of a policy's state.
type policyStatus struct {
	PolicyID       exporters.Text // or its own
	Name           string
	Type           string
	Status         string
	LastRun        moment
	LastSuccessRun moment
	NextRun        moment
	Running        activities
}

// moment is an instant in little room: there are three of each backup.
type moment struct {
	sec  int64 // unix; 0 for none
	nsec int32
	bad  bool
}

func momentOf(i exporters.Instant) moment {
	if i.IsZero() {
		return moment{bad: i.Bad}
	}
	return moment{sec: i.Unix(), nsec: int32(i.Nanosecond()), bad: i.Bad}
}

// time is zero if there is none.
func (m moment) time() time.Time {
	if m.sec == 0 {
		return time.Time{}
	}
	return time.Unix(m.sec, int64(m.nsec)).UTC()
}

// UnmarshalJSON reads both spellings of the times: pages and field reports say
// last_run, the specification says last_run_time.
func (p *policyStatus) UnmarshalJSON(data []byte) error {
	var w struct {
		ID                 exporters.Text    `json:"id"`
		PolicyID           exporters.Text    `json:"policy_id"`
		Name               string            `json:"name"`
		Type               string            `json:"type"`
		Status             string            `json:"status"`
		LastRun            exporters.Instant `json:"last_run"`
		LastRunTime        exporters.Instant `json:"last_run_time"`
		LastSuccessRun     exporters.Instant `json:"last_success_run"`
		LastSuccessRunTime exporters.Instant `json:"last_success_run_time"`
		NextRun            exporters.Instant `json:"next_run"`
		NextRunTime        exporters.Instant `json:"next_run_time"`
		Running            activities        `json:"running"`
	}
	if _, err := exporters.Lenient(data, &w); err != nil {
		return err
	}
	either := func(a, b exporters.Instant) moment {
		one := momentOf(cmp.Or(a, b))
		one.bad = a.Bad || b.Bad
		return one
	}
	*p = policyStatus{PolicyID: cmp.Or(w.PolicyID, w.ID), Name: w.Name, Type: w.Type, Status: w.Status, LastRun: either(w.LastRun, w.LastRunTime),
		LastSuccessRun: either(w.LastSuccessRun, w.LastSuccessRunTime), NextRun: either(w.NextRun, w.NextRunTime), Running: w.Running}
	return nil
}

type attributes struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	KVs       []struct {
		Key   string         `json:"key"`
		Value exporters.Text `json:"value"`
	} `json:"kvs"`
}

// names is one text or a list of texts.
type names string

func (n *names) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '[' {
		var list []exporters.Text
		if err := json.Unmarshal(data, &list); err != nil {
			return err
		}
		*n = ""
		for _, name := range list {
			if name != "" && *n != "" {
				*n += ", "
			}
			*n += names(name)
		}
		return nil
	}
	var t exporters.Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	*n = names(t)
	return nil
}

// plan is one item of the policies service: a protection plan and the
// policies it is made of.
type plan struct {
	Policy []policy `json:"policy"`
}

func (p *plan) key() string {
	if len(p.Policy) == 0 {
		return ""
	}
	return p.Policy[0].ID.Lower()
}

type policy struct {
	ID        exporters.Text   `json:"id"`
	Type      string           `json:"type"`
	ParentIDs []exporters.Text `json:"parent_ids"`
	Name      string           `json:"name"`
	Enabled   exporters.Flag   `json:"enabled"`
	Settings  json.RawMessage  `json:"settings"`
}

// application is a policy applied to a resource. There is one for each backup, and
// they are held: what is told of times and states is kept small.
type application struct {
	Context struct {
		ID exporters.Text `json:"id"`
	} `json:"context"`
	Policy struct {
		ID   exporters.Text `json:"id"`
		Type string         `json:"type"`
		Name string         `json:"name"`
	} `json:"policy"`

	nextRun int64 // unix seconds, 0 if there is none
	runs    bool
	off     bool // on this resource, while the policy may be on elsewhere
}

// UnmarshalJSON reads an item of the listing.
func (a *application) UnmarshalJSON(data []byte) error {
	type plain application
	var w struct {
		*plain
		NextRunTime exporters.Instant `json:"next_run_time"`
		Status      string            `json:"status"`
		Running     activities        `json:"running"`
		Enabled     exporters.Flag    `json:"enabled"`
	}
	w.plain = (*plain)(a)
	if _, err := exporters.Lenient(data, &w); err != nil {
		return err
	}
	a.runs, a.off = strings.EqualFold(w.Status, "running") || bool(w.Running), w.Enabled.Off()
	if !w.NextRunTime.IsZero() {
		a.nextRun = w.NextRunTime.Unix()
	}
	return nil
}

// next is when it runs next, zero if that is not told.
func (a *application) next() time.Time {
	if a.nextRun == 0 {
		return time.Time{}
	}
	return time.Unix(a.nextRun, 0)
}

func (a *application) key() string { return a.Context.ID.Lower() + "/" + a.Policy.ID.Lower() }

type task struct {
	UUID   exporters.Text `json:"uuid"`
	Type   string         `json:"type"`
	State  string         `json:"state"`
	Tenant tenantRef      `json:"tenant"`
	Policy struct {
		ID   exporters.Text `json:"id"`
		Type string         `json:"type"`
		Name string         `json:"name"`
	} `json:"policy"`
	Resource struct {
		ID   exporters.Text `json:"id"`
		Type string         `json:"type"`
		Name string         `json:"name"`
	} `json:"resource"`
	StartedAt   exporters.Instant `json:"startedAt"`
	CompletedAt exporters.Instant `json:"completedAt"`
	Result      struct {
		Code     string        `json:"code"`
		Error    *errorDetail  `json:"error"`
		Warnings []errorDetail `json:"warnings"`
	} `json:"result"`
}

func (t *task) key() string { return t.UUID.Lower() }

type alert struct {
	ID         exporters.Text    `json:"id"`
	Type       string            `json:"type"`
	Category   string            `json:"category"`
	Severity   string            `json:"severity"`
	CreatedAt  exporters.Instant `json:"createdAt"`
	ReceivedAt exporters.Instant `json:"receivedAt"`
	Tenant     tenantRef         `json:"tenant"`
	DeletedAt  exporters.Instant `json:"deletedAt"`
	Details    alertDetails      `json:"details"`
}

func (a *alert) key() string { return a.ID.Lower() }

func (a *alert) dismissed() bool { return !a.DeletedAt.IsZero() }

type alertDetails struct {
	ResourceID   exporters.Text    `json:"resourceId"`
	ResourceName string            `json:"resourceName"`
	PlanID       exporters.Text    `json:"planId"`
	PlanName     string            `json:"planName"`
	ActivityID   exporters.Text    `json:"activityId"`
	StartTime    exporters.Instant `json:"startTime"`
	FinishTime   exporters.Instant `json:"finishTime"`
	Error        *errorChain       `json:"error"`
	ErrorMessage *errorDetail      `json:"errorMessage"`
}

// UnmarshalJSON takes what it can read: the details of an alert depend on its
// type, and an alert of another kind must not cost the whole listing.
func (d *alertDetails) UnmarshalJSON(data []byte) error {
	type plain alertDetails
	_ = json.Unmarshal(data, (*plain)(d))
	return nil
}

// errorDetail is the short form of an error, in tasks and in alerts.
type errorDetail struct {
	Domain  exporters.Text  `json:"domain"`
	Code    exporters.Text  `json:"code"`
	Reason  exporters.Text  `json:"reason"`
	Message exporters.Text  `json:"message"`
	Context json.RawMessage `json:"context"`
}

// errorChain is the long form: each error with its cause.
type errorChain struct {
	Text     string      `json:"text"`
	Suberror *errorChain `json:"suberror"`
}

type agent struct {
	ID       exporters.Text `json:"id"`
	Hostname string         `json:"hostname"`
	Online   exporters.Flag `json:"online"`
	Tenant   tenantRef      `json:"tenant"`
	Platform struct {
		Family string `json:"family"`
	} `json:"platform"`
}

func (a *agent) key() string { return a.ID.Lower() }

// explain makes a text for people out of an error's short form.
func (e *errorDetail) explain() string {
	if e == nil {
		return ""
	}
	var c struct {
		Effect exporters.Text `json:"effect_str"`
		Cause  exporters.Text `json:"cause_str"`
	}
	_ = json.Unmarshal(e.Context, &c) // a context of another shape explains nothing
	text := sentence(string(c.Effect), string(c.Cause))
	if text == "" {
		text = string(e.Message)
	}
	code := string(e.Reason)
	if code == "" {
		code = string(e.Code)
	}
	switch {
	case text == "":
		return code
	case code == "" || strings.Contains(text, code):
		return text
	default:
		return text + " [" + code + "]"
	}
}

// explain joins the texts from effect to cause, each said once.
func (e *errorChain) explain() string {
	var parts []string
	for depth := 0; e != nil && depth < 32; e, depth = e.Suberror, depth+1 {
		t := strings.TrimSpace(e.Text)
		if t != "" && (len(parts) == 0 || parts[len(parts)-1] != t) {
			parts = append(parts, t)
		}
	}
	return sentence(parts...)
}

func sentence(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

func (a *alert) explain() string {
	if t := a.Details.ErrorMessage.explain(); t != "" && strings.Contains(t, " ") {
		return t
	}
	if t := a.Details.Error.explain(); t != "" {
		return t
	}
	return a.Details.ErrorMessage.explain()
}

// present tells whether an optional JSON object was sent.
func present(raw json.RawMessage) bool {
	t := bytes.TrimSpace(raw)
	return len(t) > 0 && !bytes.Equal(t, []byte("null")) && !bytes.Equal(t, []byte("{}")) && !bytes.Equal(t, []byte("false"))
}

// page is one page of any listing.
type page[T any] struct {
	exporters.Rows[T]
	after string
	total *int
}

// UnmarshalJSON finds the cursor in the places where the services put it. A
// page without items is not a page: reading it as an empty one would make
// every machine look deleted. Items may be lists of items: the vendor's own
// examples show both, also for one and the same service.
func (p *page[T]) UnmarshalJSON(data []byte) error {
	type cursors struct {
		After exporters.Text   `json:"after"`
		Total exporters.Number `json:"total"`
	}
	var raw struct {
		Items  json.RawMessage `json:"items"`
		Paging struct {
			Cursors cursors          `json:"cursors"`
			Total   exporters.Number `json:"total"`
		} `json:"paging"`
		Cursors cursors `json:"cursors"`
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	var rows exporters.Rows[T]
	if raw.Items != nil {
		if err := rows.UnmarshalJSON(raw.Items); err != nil {
			return fmt.Errorf("items: %w", err)
		}
	}
	if raw.Items == nil || rows.NoList() {
		return errors.New("there is no list of items in it")
	}
	*p = page[T]{Rows: rows, after: string(cmp.Or(raw.Paging.Cursors.After, raw.Cursors.After))}
	var told exporters.Number
	for _, n := range []exporters.Number{raw.Paging.Cursors.Total, raw.Paging.Total, raw.Cursors.Total} {
		if n.Told && p.total == nil {
			total := n.Int()
			p.total, told = &total, n
		}
	}
	if p.after == "" && rows.Unreadable(told) {
		return errors.New("no item of the list can be read")
	}
	return nil
}
