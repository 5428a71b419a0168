package arcserve

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/exporters/arcserve/arcservesim"
	"vigie/exporters/misbehave"
	"vigie/exporters/sourcetest"
)

type soapBench struct {
	bench
	sim    *arcservesim.Sim
	config *Config
}

func newSOAPBench(t *testing.T) *soapBench {
	t.Helper()
	b := &soapBench{bench: newBench(t)}
	b.sim = arcservesim.New(arcservesim.Options{Now: b.Clock.Now, Password: password, Domain: "DUPONT"})
	b.Serve(b.sim)
	b.config = &Config{Customer: "dupont", CustomerName: "Dupont SA", SOAP: &SOAP{Experimental: true, Address: b.Address(), Namespace: arcservesim.Namespace,
		Username: "sim-user", Domain: "DUPONT", PasswordFile: sourcetest.SecretFile(t, password), Nodes: []int{1, 2}}}
	sourcetest.Check(t, b.config.Validate(""))
	b.start()
	return b
}

func (b *soapBench) start() {
	b.T.Helper()
	s, err := New(b.config, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.poll(s.way)
}

// run lets a job run for ten minutes.
func (b *soapBench) run(nodeID int, node string, jobType int, result string) {
	j := b.sim.Start(nodeID, node, jobType)
	b.Clock.Advance(10 * time.Minute)
	b.sim.Finish(j, result)
}

func TestSOAPGolden(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "SRV-COMPTABILITÉ", 0, "Finished")
	b.run(1, "VM Messagerie", 3, "Finished")
	b.run(2, `q"uo\te<&>`, 3, "Finished")
	b.Clock.Advance(23 * time.Hour)
	b.run(1, "SRV-COMPTABILITÉ", 0, "Failed")
	b.run(1, "SRV-COMPTABILITÉ", 11, "Finished") // a catalog
	b.run(2, "バックアップ", 0, "LicenseFailed")
	b.run(2, "سيرفر", 0, "Canceled")
	b.run(2, "сервер", 0, "Missed")
	b.run(2, "srv-neu", 0, "Waiting")
	b.sim.Start(1, "VM Messagerie", 3)
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	b.Golden("soap.prom")
}

func TestSOAPStatuses(t *testing.T) {
	for word, want := range map[string]exporters.Result{"Finished": exporters.Success, "FINISHED": exporters.Success, "1": exporters.Success, "Failed": exporters.Failed,
		"Incomplete": exporters.Failed, "Crash": exporters.Failed, "LicenseFailed": exporters.Failed, "Canceled": exporters.Cancelled, "Missed": exporters.Missed,
		"Splendid": exporters.Unknown, "": exporters.Unknown, "7": exporters.Unknown, "Finished with errors": exporters.Unknown} {
		b := newSOAPBench(t)
		b.run(1, "srv", 0, word)
		for range 2 {
			b.Refresh()
		}
		j := b.Job("srv")
		if j.LastResult != want || (want == exporters.Success) == j.LastSuccess.IsZero() {
			t.Errorf("%q: %s, success %v", word, j.LastResult, j.LastSuccess)
		}
		if n, counted := b.unknown("job_status"), want == exporters.Unknown; (n == 1) != counted {
			t.Errorf("%q: counted %d times", word, n)
		}
	}
}

func TestSOAPRunningKeepsThePreviousResult(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Failed")
	for _, word := range []string{"Active", "Waiting", "Idle"} {
		j := b.sim.Start(1, "srv", 0)
		j.Status = word
		since := b.Clock.Now()
		for range 3 {
			b.Clock.Advance(time.Hour)
			b.Refresh()
			got := b.Job("srv")
			if got.LastResult != exporters.Failed || got.Failures != 1 || got.Running != (word == "Active") || got.Running && !got.RunningSince.Equal(since) {
				t.Errorf("%s: %s, %d failures, running %v since %v", word, got.LastResult, got.Failures, got.Running, got.RunningSince)
			}
		}
		b.sim.Forget(b.Clock.Now())
	}
}

// A session that ends is opened anew once, in the middle of a listing too.
func TestSOAPSession(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Finished")
	b.run(2, "vm", 3, "Finished")
	for range 3 {
		b.Refresh()
	}
	if n := b.sim.Requests("login"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.ExpireTokens, Skip: 1, Times: 1})
	b.Refresh()
	if n, jobs := b.sim.Requests("login"), len(b.Poller.View().Jobs); n != 2 || jobs != 2 {
		t.Errorf("%d logins, %d jobs", n, jobs)
	}
	before := b.sim.Requests(opHistory)
	b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.ExpireTokens, Times: -1})
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonServer || !strings.Contains(err.Error(), "timed out") {
		t.Errorf("%v", err)
	}
	if n := b.sim.Requests(opHistory) - before; n != 2 {
		t.Errorf("asked %d times, want twice", n)
	}
	b.sim.Orders.Clear()
	b.Refresh()
	if n := b.sim.Requests("refused"); n != 0 {
		t.Errorf("%d calls that the service does not know", n)
	}
}

func TestSOAPWrongPassword(t *testing.T) {
	b := newSOAPBench(t)
	b.config.SOAP.Domain = "ELSEWHERE"
	b.start()
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonAuth || b.sim.Requests("login") != 1 || b.sim.Requests(opHistory) != 0 {
		t.Errorf("%v; %d logins", err, b.sim.Requests("login"))
	}
}

func TestSOAPIncompleteListingKeepsTheOldSnapshot(t *testing.T) {
	for name, order := range map[string]misbehave.Order{
		"truncated body": {Fault: misbehave.TruncatedJSON, Skip: 1, Times: -1},
		"cut connection": {Fault: misbehave.CutConnection, Times: -1},
		"HTML with 200":  {Fault: misbehave.HTML, Times: -1},
		"503":            {Fault: misbehave.Unavailable, RetryAfter: time.Second, Skip: 1, Times: -1},
		"429":            {Fault: misbehave.TooManyRequests, RetryAfter: time.Second, Times: -1},
		"500 and no XML": {Fault: misbehave.ServerError, Times: -1},
		"forbidden":      {Fault: misbehave.Forbidden, Times: -1},
		"endless expiry": {Fault: misbehave.ExpireTokens, Times: -1},
	} {
		for _, op := range []string{opHistory, opLogin} {
			if op == opLogin && name == "endless expiry" {
				continue // a login has no session to lose
			}
			t.Run(name+" of "+op, func(t *testing.T) {
				b := newSOAPBench(t)
				b.run(1, "srv", 0, "Finished")
				b.run(2, "vm", 3, "Finished")
				b.Refresh()
				before := b.Poller.View()
				b.Clock.Advance(time.Hour)
				b.run(2, "vm", 3, "Finished")
				order.Endpoint = op
				if op == opLogin {
					order.Skip = 0
				}
				b.sim.Orders.Add(order)
				if op == opLogin {
					b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.ExpireTokens, Times: 1})
				}
				for range 3 {
					_ = b.Fails()
				}
				after := b.Poller.View()
				if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || len(after.Jobs) != 2 || !b.Job("vm").LastSuccess.Before(b.Clock.Now()) {
					t.Errorf("up %v, refreshed %v, %d jobs", after.Up, after.LastRefresh, len(after.Jobs))
				}
				b.sim.Orders.Clear()
				b.Refresh()
				if !b.Job("vm").LastSuccess.Equal(b.Clock.Now()) {
					t.Error("the source did not recover")
				}
			})
		}
	}
}

// A 503 now and then costs nothing, and neither does a slow body.
func TestSOAPPassingFaults(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Finished")
	b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.Unavailable, Times: 2})
	b.sim.Orders.Add(misbehave.Order{Endpoint: opLogin, Fault: misbehave.SlowBody, Delay: 10 * time.Millisecond, Times: 1})
	b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.SlowBody, Delay: 10 * time.Millisecond, Times: 1})
	b.Refresh()
	if j := b.Job("srv"); j.LastResult != exporters.Success {
		t.Errorf("%s", j.LastResult)
	}
}

// Half an answer that looks whole loses no machine.
func TestSOAPHalfAnAnswer(t *testing.T) {
	b := newSOAPBench(t)
	for _, node := range []string{"a", "b", "c", "d"} {
		b.run(1, node, 0, "Finished")
	}
	b.Refresh()
	b.sim.Orders.Add(misbehave.Order{Endpoint: opHistory, Fault: misbehave.HalfPage, Times: -1})
	for range exporters.DefaultGrace + 3 {
		b.Clock.Advance(time.Hour)
		b.Refresh()
	}
	if n := len(b.Poller.View().Jobs); n != 4 {
		t.Errorf("%d jobs", n)
	}
}

func TestSOAPRestartAfterTheConsoleForgot(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Finished")
	success := b.Clock.Now()
	b.Refresh()
	sourcetest.Check(t, b.Poller.Save())
	b.Clock.Advance(20 * 24 * time.Hour)
	b.sim.Forget(b.Clock.Now())
	b.start()
	for range exporters.DefaultGrace + 2 {
		b.Refresh()
	}
	if j := b.Job("srv"); !j.LastSuccess.Equal(success) || j.ObjectType != "BACKUP" {
		t.Errorf("%+v", j)
	}
	b.Clock.Advance(12 * 24 * time.Hour)
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if n := len(b.Poller.View().Jobs); n != 0 {
		t.Errorf("%d jobs without a run for a month", n)
	}
}

// The service tells names only: that two machines share one shows when their
// jobs overlap.
func TestSOAPTwoMachinesOfOneName(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Finished")
	b.run(1, "srv", 0, "Finished")
	b.sim.Start(1, "srv", 11) // a catalog may run beside
	b.run(1, "srv", 0, "Finished")
	b.Refresh()
	if n := b.unknown("node_name_twice"); n != 0 {
		t.Fatalf("counted %d times, though one came after the other", n)
	}
	one, two := b.sim.Start(1, "srv", 0), b.sim.Start(2, "SRV", 0)
	b.Clock.Advance(time.Minute)
	b.sim.Finish(one, "Finished")
	b.Clock.Advance(time.Minute)
	b.sim.Finish(two, "Failed")
	b.Refresh()
	b.Refresh()
	if n := b.unknown("node_name_twice"); n != 1 {
		t.Errorf("counted %d times", n)
	}
}

// Nothing leaves but the two calls, whatever asks for it.
func TestSOAPGate(t *testing.T) {
	b := newSOAPBench(t)
	s := b.source.way.(*service)
	send := func(method, path, body string) error {
		t.Helper()
		req, err := http.NewRequest(method, b.Server.URL+path, strings.NewReader(body))
		sourcetest.Check(t, err)
		_, err = (&gate{base: http.DefaultTransport, path: s.at.Path}).RoundTrip(req)
		return err
	}
	in := func(inner string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>` + inner + `</s:Body></s:Envelope>`
	}
	for name, err := range map[string]error{
		"another operation": send(http.MethodPost, servicePath, in(`<u:backup xmlns:u="x"/>`)),
		"two operations":    send(http.MethodPost, servicePath, in(`<u:login xmlns:u="x"/><u:backup xmlns:u="x"/>`)),
		"none":              send(http.MethodPost, servicePath, in("")),
		"two bodies":        send(http.MethodPost, servicePath, `<Envelope><Body><login/></Body><Body><backup/></Body></Envelope>`),
		"no XML":            send(http.MethodPost, servicePath, "login"),
		"a GET":             send(http.MethodGet, servicePath, ""),
		"a PUT":             send(http.MethodPut, servicePath, in("<login/>")),
		"another service":   send(http.MethodPost, "/services/RPSService", in("<login/>")),
		"a long one":        send(http.MethodPost, servicePath, in("<login>"+strings.Repeat(" ", maxQuestion)+"</login>")),
	} {
		if err == nil || !strings.Contains(err.Error(), "only reads") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := send(http.MethodPost, servicePath, in(`<u:login xmlns:u="x"/>`)); err != nil {
		t.Errorf("the login: %v", err)
	}
	if _, err := s.call(t.Context(), "submitBackupJob", "x"); err == nil || b.sim.Requests("refused") != 1 {
		t.Errorf("%v, %d refused by the simulator, want the login without parameters alone", err, b.sim.Requests("refused"))
	}
}

// What stands under http_config reaches the console, through the gate like all else.
func TestSOAPOverHTTPConfig(t *testing.T) {
	b := newSOAPBench(t)
	scopes := map[string]int{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scopes[r.Method+" "+r.Header.Get("X-Scope")]++
		b.sim.ServeHTTP(w, r)
	}))
	defer front.Close()
	var doc yaml.Node
	text := fmt.Sprintf("customer: dupont\nsoap:\n  experimental: true\n  url: %s\n  namespace: %s\n  username: sim-user\n  domain: DUPONT\n  password_file: %s\n  http_config: {http_headers: {X-Scope: {values: [msp]}}}\n",
		front.URL, arcservesim.Namespace, sourcetest.SecretFile(t, password))
	sourcetest.Check(t, yaml.Unmarshal([]byte(text), &doc))
	b.config = &Config{}
	sourcetest.Check(t, exporters.DecodeStrict("f.yml", "sources[0].arcserve", doc.Content[0], b.config))
	sourcetest.Check(t, b.config.Validate(t.TempDir()))
	b.start()
	b.run(1, "SRV-AD", 0, "Finished")
	b.Refresh()
	if len(b.Poller.View().Jobs) != 1 || len(scopes) != 1 || scopes["POST msp"] < 2 {
		t.Errorf("%d jobs, asked as %v", len(b.Poller.View().Jobs), scopes)
	}
}

func TestSOAPNoSecretComesOut(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv", 0, "Finished")
	b.Refresh()
	secrets := append(b.sim.Secrets(), password)
	var all strings.Builder
	for _, op := range []string{opLogin, opHistory} {
		for _, f := range []misbehave.Fault{misbehave.HTML, misbehave.ServerError, misbehave.CutConnection, misbehave.Forbidden, misbehave.TruncatedJSON, misbehave.ExpireTokens} {
			b.sim.Orders.Clear()
			b.sim.Orders.Add(misbehave.Order{Endpoint: op, Fault: f, Times: -1})
			b.start()
			if err := b.Poller.Refresh(t.Context()); err != nil {
				all.WriteString(err.Error())
			}
			secrets = append(secrets, b.sim.Secrets()...)
		}
	}
	b.Server.Close()
	all.WriteString(b.Fails().Error())
	all.WriteString(b.Metrics() + b.Log.String())
	for _, s := range secrets {
		if strings.Contains(all.String(), s) {
			t.Errorf("a secret comes out: %.6s…", s)
		}
	}
}

func TestSOAPAnswersOfOtherShapes(t *testing.T) {
	envelope := func(inner string) []byte {
		return []byte(`<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` + inner + `</soapenv:Body></soapenv:Envelope>`)
	}
	job := `<jobStatus>Finished</jobStatus><jobType>0</jobType><nodeName>srv</nodeName><jobId>1</jobId>`
	for name, c := range map[string]struct {
		inner string
		want  int // -1: an error
	}{
		"repeated data":                   {`<r:getJobHistoryListResponse xmlns:r="x"><return><data>` + job + `</data><data>` + job + `</data></return></r:getJobHistoryListResponse>`, 2},
		"items in one data":               {`<getJobHistoryListResponse><getJobHistoryListResult><data><JobHistory>` + job + `</JobHistory></data></getJobHistoryListResult></getJobHistoryListResponse>`, 1},
		"none":                            {`<getJobHistoryListResponse><return/></getJobHistoryListResponse>`, 0},
		"upper case":                      {`<getJobHistoryListResponse><return><DATA><JOBSTATUS>Finished</JOBSTATUS><JOBTYPE>0</JOBTYPE></DATA></return></getJobHistoryListResponse>`, 1},
		"a job without status":            {`<getJobHistoryListResponse><return><data><jobType>0</jobType></data></return></getJobHistoryListResponse>`, -1},
		"a job beside one without status": {`<getJobHistoryListResponse><return><data><jobType>0</jobType></data><data>` + job + `</data></return></getJobHistoryListResponse>`, 1},
		"another answer":                  {`<loginResponse><return>1</return></loginResponse>`, -1},
		"nothing":                         {``, -1},
		"more jobs than allowed":          {`<getJobHistoryListResponse>` + strings.Repeat("<data>"+job+"</data>", 4) + `</getJobHistoryListResponse>`, -1},
	} {
		got, err := parseHistory(envelope(c.inner), 3)
		if c.want < 0 && err == nil || c.want >= 0 && (err != nil || len(got.records) != c.want) {
			t.Errorf("%s: %d jobs, %v", name, len(got.records), err)
		}
	}
}

// The same answer written otherwise says the same; a job that is odd costs itself.
func TestSOAPShapes(t *testing.T) {
	b := newSOAPBench(t)
	b.run(1, "srv-ad", 0, "Finished")
	b.run(2, "srv-sql", 3, "Failed")
	var turn func(string) string
	b.Server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain := httptest.NewRecorder()
		b.sim.ServeHTTP(plain, r)
		maps.Copy(w.Header(), plain.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(plain.Code)
		_, _ = w.Write([]byte(turn(plain.Body.String())))
	})
	said := func() string {
		var out []string
		for _, j := range b.Poller.View().Jobs {
			out = append(out, fmt.Sprintf("%s %s %s %s", j.ID, j.Machine, j.LastResult, j.LastRun.Format(time.RFC3339)))
		}
		return strings.Join(out, "; ")
	}
	replace := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	turn = replace()
	b.Refresh()
	want := said()
	if strings.Count(want, ";") != 1 {
		t.Fatal(want)
	}
	data := regexp.MustCompile(`<data>.*?</data>`)
	odd := func(what string) func(string) string {
		return func(body string) string { return strings.Replace(body, "<data>", what+"<data>", 1) }
	}
	for name, c := range map[string]struct {
		turn  func(string) string
		count string // what is counted, empty for nothing
	}{
		"prefixes":                {replace("<data>", "<ax:data xmlns:ax='urn:other'>", "</data>", "</ax:data>", "<jobStatus>", "<jobStatus xmlns='urn:x'>"), ""},
		"blanks and comments":     {replace("<jobStatus>", "<jobStatus>\n  <!-- x -->", "<nodeName>", "<nodeName>\t"), ""},
		"character data":          {replace("<nodeName>", "<nodeName><![CDATA[", "</nodeName>", "]]></nodeName>"), ""},
		"further fields":          {replace("<data>", "<data><further><jobs>7</jobs></further><note xsi:nil='true' xmlns:xsi='x'/>"), ""},
		"upper case":              {replace("jobStatus", "JOBSTATUS", "jobType", "JobType", "nodeName", "NODENAME"), ""},
		"instants without zone":   {replace(".000Z", ""), ""},
		"instants with an offset": {replace(".000Z", "+00:00"), ""},
		"a lone element each":     {func(body string) string { return data.ReplaceAllString(body, "<item>$0</item>") }, ""},
		"no status":               {odd("<data><jobType>0</jobType><nodeName>srv-x</nodeName></data>"), "job_history.row"},
		"no type":                 {odd("<data><jobStatus>Failed</jobStatus><nodeName>srv-x</nodeName></data>"), "job_history.row"},
		"a type in words":         {odd("<data><jobType>backup</jobType><jobStatus>Finished</jobStatus><nodeName>srv-x</nodeName></data>"), "job_type"},
		"no machine":              {odd("<data><jobType>0</jobType><jobStatus>Finished</jobStatus></data>"), "node"},
		"what XML forbids":        {odd("<data><jobName>a\x1fb&#x1;</jobName><jobType>11</jobType><jobStatus>Finished</jobStatus></data>"), ""},
		"an entity of HTML":       {odd("<data><jobName>a&nbsp;b&eacute;</jobName><jobType>11</jobType><jobStatus>Finished</jobStatus></data>"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			turn = c.turn
			b.start()
			b.Refresh()
			if got := said(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			if counted := b.Poller.View().UnknownValues; c.count != "" && counted[c.count] != 1 || c.count == "" && len(counted) > 0 {
				t.Errorf("counted are %v, want %q", counted, c.count)
			}
		})
	}
}

func FuzzSOAP(f *testing.F) {
	const head, tail = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>`, `</S:Body></S:Envelope>`
	f.Add([]byte(head + `<getJobHistoryListResponse><return><data><jobId>1</jobId><jobStatus>Finished</jobStatus><jobType>0</jobType><nodeName>a</nodeName><jobUTCStartDate>2026-03-09T20:00:00Z</jobUTCStartDate><jobUTCEndDate>2026-03-09T20:10:00Z</jobUTCEndDate></data></return></getJobHistoryListResponse>` + tail))
	f.Add([]byte(head + `<S:Fault><faultstring>x</faultstring></S:Fault>` + tail))
	f.Add([]byte(`<html><body>Back soon</body></html>`))
	c := &Config{Customer: "d", Agent: &Agent{Machine: "m"}}
	sourcetest.Check(f, c.Validate(""))
	now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = faultIn(data)
		got, err := parseHistory(data, 1000)
		if err != nil {
			return
		}
		s := &service{config: c, known: newKnowledge(c)}
		var rows []row
		for _, r := range got.records {
			rows = append(rows, s.rowOf(r))
		}
		var out exporters.Snapshot
		runs := s.known.learn(rows, false, now, &out)
		for id, all := range runs {
			for _, run := range all {
				if run.End.IsZero() || run.Result == exporters.Success && run.Error != "" {
					t.Errorf("%s: %+v", id, run)
				}
			}
		}
		seen := map[string]bool{}
		for _, j := range s.known.jobs(runs, nil) {
			if seen[j.ID] || j.ID == "" {
				t.Errorf("%q stands twice", j.ID)
			}
			seen[j.ID] = true
		}
	})
}

func TestSOAPQuestionIsEscaped(t *testing.T) {
	c := &SOAP{Namespace: "urn:x", Parameters: []string{"arg0", "arg1", "arg2"}}
	hostile := `</arg1></udp:login><udp:backup/>`
	q := question(c, opLogin, []string{"u", hostile, fmt.Sprint(1)})
	if op, err := operation(q); err != nil || op != opLogin || strings.Contains(string(q), hostile) {
		t.Errorf("%s, %v: %s", op, err, q)
	}
}
