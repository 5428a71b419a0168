package inbox

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	var files []string
	for _, p := range []string{"*.yml", "more/*.yml"} {
		f, _ := filepath.Glob(filepath.Join(shipped, p))
		files = append(files, f...)
	}
	rs, err := LoadRules(files)
	if err != nil {
		t.Fatal(err)
	}
	mails, _ := filepath.Glob(filepath.Join(os.Getenv("CASES"), "*.eml"))
	for _, f := range mails {
		raw, _ := os.ReadFile(f)
		m, err := ReadMail(raw)
		fmt.Printf("=== %s\n  %q err %v ignore %q\n", filepath.Base(f), m.Subject, err, m.Ignore)
		if os.Getenv("SHOW") != "" {
			for _, x := range m.Texts {
				fmt.Printf("---\n%s\n---\n", x)
			}
		}
		v := rs.Read(&m, m.Date.Add(time.Minute))
		fmt.Printf("  rule %q problem %q ignore %q unread %q\n", v.Rule, v.Problem, v.Ignore, v.Unread)
		for _, r := range v.Readings {
			p := r.Report
			fmt.Printf("   %s | m=%q p=%q %s whole=%v %s..%s size=%v err=%q unk=%v\n", p.JobID, p.Machine, p.Plan, p.Result, r.Whole, p.Started.Format(time.RFC3339), p.Ended.Format(time.RFC3339), p.Size, p.Error, r.Unknown)
		}
	}
}
