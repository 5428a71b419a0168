package acronissim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/exporters/misbehave"
)

type object = map[string]any

// rows are the items of a listing, made only when they stand on a page.
type rows struct {
	count int
	at    func(int) any
}

func over[T any](items []T, make func(T) object) rows {
	return rows{len(items), func(i int) any { return make(items[i]) }}
}

// kept gives the items that a filter lets through.
func kept[T any](items []T, keep func(T) bool) []T {
	var out []T
	for _, it := range items {
		if keep(it) {
			out = append(out, it)
		}
	}
	return out
}

// endpoints are the listings by path.
func (s *Sim) endpoints() map[string]struct {
	name string
	list func(url.Values) rows
	// alone are the only parameters that may stand beside a cursor; nil
	// means that the filters are repeated.
	alone []string
} {
	type e = struct {
		name  string
		list  func(url.Values) rows
		alone []string
	}
	return map[string]e{
		"/api/2/tenants": {"tenants", s.listTenants, []string{}},
		"/api/resource_management/v4/resource_statuses": {"resource_statuses", s.listStatuses, nil},
		"/api/policy_management/v4/policies":            {"policies", s.listPolicies, nil},
		"/api/policy_management/v4/applications":        {"applications", s.listApplications, nil},
		"/api/task_manager/v2/tasks":                    {"tasks", s.listTasks, []string{"limit", "lod"}},
		"/api/alert_manager/v1/alerts":                  {"alerts", s.listAlerts, nil},
		"/api/agent_manager/v2/agents":                  {"agents", s.listAgents, []string{"limit"}},
	}
}

// ServeHTTP answers like the data centre.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	order, status, body := s.answer(w, r)
	s.mu.Unlock()
	misbehave.Write(w, r, order, status, body)
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request) (misbehave.Order, int, []byte) {
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	listing, isListing := s.endpoints()[r.URL.Path]
	name := listing.name
	switch {
	case r.URL.Path == "/api/2/idp/token":
		name = "token"
	case r.URL.Path == "/api/2/clients/"+s.o.ClientID:
		name = "client"
	}
	tenant, sub := strings.CutPrefix(r.URL.Path, "/api/2/tenants/")
	if sub && r.URL.Path == "/api/2/tenants/usages" {
		name = "usages"
	} else if t, ok := strings.CutSuffix(tenant, "/pricing"); sub && ok {
		name, tenant = "pricing", t
	}
	if name != "token" && r.Method != http.MethodGet {
		name = "refused"
	}
	order, down := s.Take(name)
	if down {
		return misbehave.Order{}, http.StatusServiceUnavailable, []byte("<html><body>503 Service Unavailable</body></html>")
	}
	if order.Fault == misbehave.ExpireTokens {
		clear(s.tokens)
	}
	if name == "token" {
		status, body := s.token(r)
		return order, status, body
	}
	if r.Method != http.MethodGet {
		return order, http.StatusMethodNotAllowed, []byte(`{"domain":"Request","code":"MethodNotAllowed"}`)
	}
	if !s.authorized(r) {
		return order, http.StatusUnauthorized, unauthorized(w, name)
	}
	if name == "client" {
		return order, http.StatusOK, misbehave.Encode(object{"client_id": s.o.ClientID, "tenant_id": s.root.uuid, "type": "api_client", "status": "enabled"})
	}
	if name == "usages" || name == "pricing" {
		status, body := s.account(name, tenant, r.URL.Query())
		return order, status, body
	}
	if !isListing {
		return order, http.StatusNotFound, []byte(`{"domain":"Request","code":"NotFound"}`)
	}
	status, body := s.page(r.URL.Query(), listing.list, listing.alone, order.Fault)
	return order, status, body
}

func (s *Sim) token(r *http.Request) (int, []byte) {
	id, secret, ok := r.BasicAuth()
	if r.Method != http.MethodPost || !ok || id != s.o.ClientID || secret != s.o.ClientSecret {
		return http.StatusUnauthorized, []byte(`{"error":"invalid_client"}`)
	}
	if r.ParseForm() != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		return http.StatusBadRequest, []byte(`{"error":"unsupported_grant_type"}`)
	}
	t := misbehave.Token("sim-token-")
	end := s.o.Now().Add(s.o.TokenLife)
	s.tokens[t] = end
	return http.StatusOK, misbehave.Encode(object{"access_token": t, "expires_on": end.Unix(), "id_token": "sim-id-" + t[:12], "token_type": "bearer"})
}

func (s *Sim) authorized(r *http.Request) bool {
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	end, known := s.tokens[t]
	return ok && known && s.o.Now().Before(end)
}

// unauthorized differs from service to service.
func unauthorized(w http.ResponseWriter, name string) []byte {
	switch name {
	case "alerts":
		w.Header().Set("Content-Type", "text/plain")
		return []byte("<html>\n<head><title>401 Authorization Required</title></head>\n<body><center><h1>401 Authorization Required</h1></center></body>\n</html>")
	case "agents":
		return []byte(`{"code":"AUTHENTICATION_TIMEOUT","domain":"GENERAL","debug":{"msg":"token expired"}}`)
	default:
		return []byte(`{"domain":"Access","code":"AuthenticationTimeout"}`)
	}
}

// cursor is what stands in the opaque text: the query and how far it got.
type cursor struct {
	Query url.Values `json:"q"`
	At    int        `json:"at"`
}

func (s *Sim) page(q url.Values, list func(url.Values) rows, alone []string, fault misbehave.Fault) (int, []byte) {
	at := 0
	filters := q
	if after := q.Get("after"); after != "" {
		raw, err := base64.URLEncoding.DecodeString(after)
		var c cursor
		if err != nil || json.Unmarshal(raw, &c) != nil {
			return http.StatusBadRequest, []byte(`{"domain":"Request","code":"InvalidCursor"}`)
		}
		if alone != nil {
			for key := range q {
				if key != "after" && !slices.Contains(alone, key) {
					return http.StatusBadRequest, []byte(`{"domain":"Request","code":"CursorWithFilters"}`)
				}
			}
		}
		filters, at = c.Query, c.At
	}
	size := s.o.PageSize
	if limit, err := strconv.Atoi(q.Get("limit")); err == nil && limit > 0 {
		size = min(size, limit)
	}
	if s.o.RefuseFilters && (filters.Has("updated_at") || filters.Has("updated_since") || filters.Has("resource_id")) {
		return http.StatusBadRequest, []byte(`{"domain":"Request","code":"InvalidFilter"}`)
	}
	all := list(filters)
	if fault == misbehave.MoveList && at > 0 { // the first item went away
		all = rows{all.count - 1, func(at func(int) any) func(int) any { return func(i int) any { return at(i + 1) } }(all.at)}
	}
	at = min(at, all.count)
	end := min(at+size, all.count)
	cursors := object{"total": all.count}
	next := ""
	if end < all.count {
		next = base64.URLEncoding.EncodeToString(misbehave.Encode(cursor{filters, end}))
	}
	items := []any{}
	for i := at; i < end; i++ {
		items = append(items, all.at(i))
	}
	switch fault {
	case misbehave.HalfPage:
		items, next = items[:len(items)/2], ""
	case misbehave.RepeatCursor:
		next = base64.URLEncoding.EncodeToString(misbehave.Encode(cursor{filters, at}))
	}
	if next != "" {
		cursors["after"] = next
	}
	return http.StatusOK, misbehave.Encode(object{"items": items, "paging": object{"cursors": cursors}})
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// since reads "gt(...)" or a bare instant; nanoseconds since 1970 or RFC 3339.
func since(text string) time.Time {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "gt("), ")")
	if ns, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(0, ns)
	}
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}

func (s *Sim) listTenants(q url.Values) rows {
	after := since(q.Get("updated_since"))
	return over(kept(s.tenants, func(t *tenant) bool {
		in := q.Get("subtree_root_id") == ""
		for up := t; up != nil; up = up.parent {
			in = in || up.uuid == q.Get("subtree_root_id")
			// What is below a customer that serves itself is not shown.
			if up != t && up.hidden {
				return false
			}
		}
		return in && !t.updated.Before(after) && (t.deleted.IsZero() || q.Get("allow_deleted") == "true")
	}), func(t *tenant) object {
		o := object{"id": t.uuid, "name": t.name, "kind": t.kind, "enabled": t.enabled, "version": 1, "ancestral_access": !t.hidden, "pricing_mode": t.mode(), "deleted_at": nil}
		if t.parent != nil {
			o["parent_id"] = t.parent.uuid
		}
		if !t.deleted.IsZero() {
			o["deleted_at"] = rfc3339(t.deleted)
		}
		return o
	})
}

func (t *tenant) mode() string {
	if t.trialEnd.IsZero() {
		return "production"
	}
	return "trial"
}

// account answers for single tenants.
func (s *Sim) account(name, uuid string, q url.Values) (int, []byte) {
	ids := []string{uuid}
	if name == "usages" {
		ids = strings.Split(q.Get("tenants"), ",")
	}
	items := []object{}
	for _, id := range ids {
		t, ok := s.byID[id].(*tenant)
		switch {
		case !ok || !t.deleted.IsZero():
			return http.StatusNotFound, []byte(`{"error":{"code":404,"domain":"PlatformAccountServer","message":"Tenant is not found"}}`)
		case t.hidden:
			return http.StatusForbidden, []byte(`{"error":{"code":403,"domain":"PlatformAccountServer","message":"Access is denied"}}`)
		case name == "pricing" && t.trialEnd.IsZero():
			return http.StatusOK, misbehave.Encode(object{"mode": "production", "production_start_date": "2020-08-04T12:47:03", "version": 1})
		case name == "pricing":
			return http.StatusOK, misbehave.Encode(object{"mode": "trial", "production_start_date": t.trialEnd.UTC().Format("2006-01-02T15:04:05"), "version": 1})
		}
		items = append(items, t.usageObjects()...)
	}
	return http.StatusOK, misbehave.Encode(object{"items": items})
}

func (t *tenant) usageObjects() []object {
	var out []object
	for _, u := range t.usages {
		status := 1
		if u.Off {
			status = 0
		}
		kind := map[string]string{"n/a": "feature", "bytes": "infra"}[u.Unit]
		if kind == "" {
			kind = "count"
		}
		out = append(out, object{"name": u.Name, "usage_name": u.Name, "edition": u.Edition, "application_id": "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb", "infra_id": u.Infra,
			"type": kind, "measurement_unit": u.Unit, "value": u.Value, "absolute_value": u.Value, "range_start": "2026-03-01T00:00:00",
			"offering_item": object{"status": status, "quota": object{"value": u.Quota, "overage": nil, "version": 1}},
			"tenant_id":     t.number, "tenant_uuid": t.uuid})
	}
	return out
}

func (m *machine) resourceType() string {
	switch m.class {
	case NAS:
		return "group.nas_devices"
	case VM:
		return "resource.virtual_machine.mshyperv"
	case Mailbox:
		return "resource.msexchange_mailbox.office365"
	case Drive:
		return "resource.onedrive.office365"
	default:
		return "resource.machine"
	}
}

func (m *machine) policyType() string {
	switch m.class {
	case Mailbox:
		return "policy.backup.office365.mailbox"
	case Drive:
		return "policy.backup.office365.onedrive"
	}
	return "policy.backup.machine"
}

func (s *Sim) listStatuses(q url.Values) rows {
	after := since(q.Get("updated_at"))
	machines := s.machines
	if ids := q.Get("resource_id"); ids != "" {
		wanted := strings.Split(strings.TrimSuffix(strings.TrimPrefix(ids, "or("), ")"), ",")
		machines = kept(machines, func(m *machine) bool { return slices.Contains(wanted, m.id) })
	}
	if !after.IsZero() {
		machines = kept(machines, func(m *machine) bool { return m.updated.After(after) })
	}
	return over(machines, func(m *machine) object { return s.status(m, q.Get("include_attributes") == "true") })
}

func (s *Sim) status(m *machine, withAttributes bool) object {
	aggregate := object{"status": "not_protected"}
	var policies []object
	for _, p := range m.protections {
		aggregate = object{"status": "idle", "names": p.plan.name}
		if m.class != Drive {
			policies = append(policies, object{"type": "policy.protection.total", "status": "idle"}, s.policyStatus(m, p))
		}
	}
	o := object{"aggregate": aggregate, "context": object{
		"id": m.id, "external_id": m.id + "@" + strconv.Itoa(m.tenant.number), "type": m.resourceType(),
		"name": m.name, "user_defined_name": m.name, "tenant_id": strconv.Itoa(m.tenant.number), "agent_id": m.agentID,
		"created_at": rfc3339(m.registered), "updated_at": rfc3339(m.updated),
	}}
	if policies != nil {
		o["policies"] = policies
	}
	if withAttributes {
		o["attributes"] = m.attributes()
	}
	return o
}

func (s *Sim) policyStatus(m *machine, p *protection) object {
	o := object{"type": m.policyType(), "status": p.status}
	suffix := ""
	if s.o.LongSpelling {
		suffix = "_time"
	}
	if !p.lastRun.IsZero() {
		o["last_run"+suffix] = rfc3339(p.lastRun)
	}
	if !p.lastSuccess.IsZero() {
		o["last_success_run"+suffix] = rfc3339(p.lastSuccess)
	}
	if p.plan.enabled {
		o["next_run"+suffix] = rfc3339(p.plan.next(s.o.Now()))
	}
	if !p.runningSince.IsZero() {
		o["status"] = "running"
		o["running"] = object{"state": "running", "progress": 42}
		if suffix == "" {
			o["last_run"] = rfc3339(p.runningSince)
		}
	}
	return o
}

func (p *plan) next(now time.Time) time.Time {
	now = now.UTC()
	for d := range 8 {
		t := time.Date(now.Year(), now.Month(), now.Day()+d, p.hour, p.minute, 0, 0, time.UTC)
		if t.After(now) && slices.Contains(p.weekdays, strings.ToLower(t.Weekday().String()[:3])) {
			return t
		}
	}
	return time.Time{}
}

func (m *machine) attributes() []object {
	kv := func(k string, v any) object { return object{"key": k, "value": v} }
	product, name, chassis := 3, "Microsoft Windows Server 2022 Standard", "other"
	if m.class == Workstation {
		product, name, chassis = 1, "Microsoft Windows 11 Pro", "laptop"
	}
	online := 0
	if m.online {
		online = 1
	}
	if m.serverless() {
		return []object{}
	}
	return []object{
		{"name": "agent", "kvs": []object{
			kv("components", []string{"x64WindowsAgent"}), kv("os_family", "Windows"), kv("os_name", name), kv("os_product_type", product),
			kv("chassis", chassis), kv("inside_virtual", 1), kv("tz_offset", 0), kv("is_online", online)}},
		{"name": "inventory", "kvs": []object{kv("os_product_type", strconv.Itoa(product))}},
	}
}

// serverless: nothing of it runs an agent of its own.
func (m *machine) serverless() bool { return m.class == NAS || m.class == Mailbox || m.class == Drive }

func (s *Sim) listPolicies(url.Values) rows {
	return over(s.plans, func(p *plan) object {
		return object{"policy": []object{
			{"id": p.id, "type": "policy.protection.total", "origin": "upstream", "enabled": p.enabled, "name": p.name, "tenant_id": strconv.Itoa(p.tenant.number)},
			{"id": p.backupID, "type": "policy.backup.machine", "parent_ids": []string{p.id}, "origin": "upstream", "enabled": p.enabled,
				"settings_schema": "2.0", "settings": object{"vault": object{"type": "cloud"}, "scheduling": object{
					"enabled": !p.unscheduled, "scheme": "always_incremental", "backup_sets": []object{{"type": "auto", "schedule": object{
						"type": "weekly", "alarms": object{"time": object{"weekdays": p.weekdays, "repeat_at": []object{{"hour": p.hour, "minute": p.minute}}}},
						"conditions": object{}, "prevent_sleep": true}}}}}},
		}}
	})
}

func (s *Sim) listApplications(url.Values) rows {
	type application struct {
		m     *machine
		p     *protection
		total bool
	}
	var all [][]application
	for _, m := range s.machines {
		if m.class == Drive {
			continue
		}
		for _, p := range m.protections {
			all = append(all, []application{{m, p, true}, {m, p, false}})
		}
	}
	one := func(a application) object {
		policy := object{"id": a.p.plan.backupID, "type": a.m.policyType(), "name": ""}
		if a.total {
			policy = object{"id": a.p.plan.id, "type": "policy.protection.total", "name": a.p.plan.name}
		}
		return object{"context": object{"id": a.m.id, "type": a.m.resourceType()}, "policy": policy, "agent_id": a.m.agentID,
			"enabled": !a.p.off, "status": a.p.status, "tenant_id": strconv.Itoa(a.m.tenant.number), "context_tenant_id": strconv.Itoa(a.m.tenant.number),
			"next_run_time": rfc3339(a.p.plan.next(s.o.Now()))}
	}
	// A list of lists, as the vendor's examples have it: what one plan applies to
	// one resource stands together.
	return rows{len(all), func(i int) any {
		var group []object
		for _, a := range all[i] {
			group = append(group, one(a))
		}
		return group
	}}
}

func (t *tenant) reference(withName bool) object {
	o := object{"id": strconv.Itoa(t.number), "uuid": t.uuid, "locator": t.locator()}
	if withName {
		o["name"] = t.name
	}
	return o
}

func (s *Sim) listTasks(q url.Values) rows {
	if strings.EqualFold(q.Get("state"), "started") {
		started := s.startedTasks()
		return rows{len(started), func(i int) any { return started[i] }}
	}
	after := since(q.Get("completedAt"))
	from := sort.Search(len(s.tasks), func(i int) bool { return s.tasks[i].completed.After(after) })
	return over(s.tasks[from:], s.taskObject)
}

func (s *Sim) taskObject(t *task) object {
	kind := "8F01AC13-F59E-4851-9204-DE1FD77E36B4"
	policy := object{"id": t.plan.id, "type": "policy.protection.total", "name": t.plan.name}
	if t.applyOnly {
		kind = "policy.apply"
	} else {
		policy = object{"id": t.plan.backupID, "type": t.machine.policyType(), "name": t.plan.name}
	}
	result := object{"code": t.code}
	if t.code == "error" {
		result["error"] = object{"domain": "cloud_platform", "code": "BackupFailed", "context": object{
			"effect_str": "The backup failed", "cause_str": t.errorText}, "kbLink": object{"serCode": "0x01350016+0x00A100D4"}}
	}
	if t.code == "warning" {
		result["warnings"] = []object{{"code": "BackupWarning", "context": object{"cause_str": t.errorText}}}
	}
	return object{"uuid": t.uuid, "id": t.number, "idString": strconv.FormatInt(t.number, 10), "type": kind, "queue": "backup", "priority": "normal",
		"state": "completed", "tenant": t.machine.tenant.reference(true), "policy": policy,
		"resource":   object{"id": t.machine.id, "type": "machine", "name": t.machine.name},
		"enqueuedAt": rfc3339(t.started), "startedAt": rfc3339(t.started), "updatedAt": rfc3339(t.completed), "completedAt": rfc3339(t.completed),
		"cancelRequested": t.code == "cancelled", "result": result}
}

func (s *Sim) startedTasks() []object {
	var out []object
	for _, m := range s.machines {
		for i, p := range m.protections {
			if p.runningSince.IsZero() {
				continue
			}
			number := 1634702033410387968 + int64(i)
			out = append(out, object{"uuid": m.id[:len(m.id)-1] + strconv.Itoa(i), "id": number, "idString": strconv.FormatInt(number, 10),
				"type": "8F01AC13-F59E-4851-9204-DE1FD77E36B4", "state": "started", "tenant": m.tenant.reference(true),
				"policy":   object{"id": p.plan.backupID, "type": m.policyType(), "name": p.plan.name},
				"resource": object{"id": m.id, "type": "machine", "name": m.name}, "startedAt": rfc3339(p.runningSince)})
		}
	}
	return out
}

func (s *Sim) listAlerts(q url.Values) rows {
	after := since(q.Get("updated_at"))
	return over(kept(s.alerts, func(a *alert) bool {
		shown := a.dismissed.IsZero() || q.Get("show_deleted") == "true"
		return shown && a.updated().After(after) && (q.Get("category") == "" || q.Get("category") == "Backup")
	}), func(a *alert) object {
		// The agent writes its ids in upper case.
		details := object{"backupLocations": []object{{"name": "", "type": "cloud"}}, "backupSourcesType": "machines",
			"planId": strings.ToUpper(a.plan.id), "planName": a.plan.name,
			"resourceId": strings.ToUpper(a.machine.id), "resourceName": a.machine.name}
		severity := "warning"
		switch a.kind {
		case "BackupFailed":
			severity = "critical"
			details["activity"] = object{"id": strings.ToUpper(a.id), "type": "8F01AC13-F59E-4851-9204-DE1FD77E36B4"}
			details["startTime"], details["finishTime"] = a.started.Unix(), a.finished.Unix()
			details["error"] = object{"code": 20250646, "text": "The backup failed", "suberror": object{"code": 10551508, "text": a.text, "suberror": object{}}}
			details["errorMessage"] = object{"code": "CommonError", "domain": "cloud_platform", "reason": "CommonError", "context": object{
				"effect_str": "The backup failed", "cause_str": a.text}, "serCode": "0x01350016+0x00A100D4"}
		case "BackupCanceled":
			details["startTime"], details["finishTime"] = a.started.Unix(), a.finished.Unix()
		case "BackupStatusUnknown":
			details["agentId"] = a.machine.agentID
			details["errorMessage"] = object{"kbLink": object{"serCode": "BackupStatusUnknown"}}
		}
		o := object{"id": a.id, "type": a.kind, "category": "Backup", "severity": severity,
			"createdAt": a.created.UTC().Format(time.RFC3339), "receivedAt": rfc3339(a.created), "updatedAt": rfc3339(a.updated()),
			"tenant": a.machine.tenant.reference(false), "details": details, "_source": strings.ToUpper(a.machine.agentID)}
		if !a.dismissed.IsZero() {
			o["deletedAt"] = rfc3339(a.dismissed)
		}
		return o
	})
}

// updated is when an alert was raised or dismissed.
func (a *alert) updated() time.Time {
	if a.dismissed.After(a.created) {
		return a.dismissed
	}
	return a.created
}

func (s *Sim) listAgents(url.Values) rows {
	return over(kept(s.machines, func(m *machine) bool { return !m.serverless() && m.host == nil }), func(m *machine) object {
		return object{"id": m.agentID, "hostname": m.name, "host_id": m.id, "online": m.online, "enabled": true,
			"platform": object{"family": "WINDOWS", "arch": "X64", "product_type": 0}, "registration_date": m.registered.UTC().Format(time.RFC1123Z),
			"core_version": object{"current": object{"build": "36943", "release_id": "24.2"}}, "units": []object{},
			"tenant": object{"id": m.tenant.number, "name": m.tenant.name}}
	})
}
