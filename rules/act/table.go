package act

import (
	"slices"
	"strings"
)

// Words that every act takes: they are kept with it in the journal.
func words() []Field {
	return []Field{
		{Name: "note", Kind: Text, Help: "what people should know of it"},
		{Name: "reason", Kind: Text, Help: "why"},
	}
}

// with puts an act's own fields before the common words.
func with(own ...Field) []Field {
	out := own
	for _, w := range words() {
		known := false
		for _, f := range own {
			known = known || f.Name == w.Name
		}
		if !known {
			out = append(out, w)
		}
	}
	return out
}

// CloseReasons are the usual reasons to close an incident without a repair.
func CloseReasons() []string {
	return []string{"decommissioned", "plan removed", "duplicate", "accepted risk"}
}

// table is made once: each act and each button of a mail looks into it.
var table = rows()

// Table returns all acts, one row each, in the order of the handbook.
func Table() []Act { return slices.Clone(table) }

func rows() []Act {
	staff := []Role{Operator, Manager}
	all := []Role{Customer, Operator, Manager}
	note := Field{Name: "note", Kind: Text, Help: "what people should know of it"}
	plain := func(verb string) []Form {
		return []Form{{Purpose: verb, Asks: []string{"note"}, Writes: []string{"note"}}}
	}
	return []Act{
		{Verb: "take", Does: "You work on it; reminders to others stop", Who: staff,
			Fields: with(Field{Name: "force", Kind: YesNo, Help: "take it over from whoever has it"}),
			Forms:  []Form{{Purpose: "take", Asks: []string{"force"}}}},
		{Verb: "assign", Does: "Somebody else has it, and is told", Who: staff,
			Fields: with(Field{Name: "to", Kind: Person, Required: true, Missing: "name who has it from now on", Help: "who has it from now on"}),
			Forms:  []Form{{Purpose: "assign", Asks: []string{"to"}, Must: []string{"to"}, Writes: []string{"to"}}}},
		{Verb: "release", Does: "You give it back: nobody has it any more, and who is to hear of that is told", Who: staff, Fields: with(), Forms: plain("release")},
		{Verb: "note", Does: "A remark is kept with it", Who: all, Ended: true,
			Fields: with(note, Field{Name: "text", Kind: Text, Help: "the same as note; one of both is required"}),
			Forms:  []Form{{Purpose: "note", Asks: []string{"note"}, Must: []string{"note"}, Writes: []string{"note"}}}},
		{Verb: "attempt", Does: "What was tried is kept; it counts as taken", Who: staff, Fields: with(), Forms: plain("attempt")},
		{Verb: "forecast", Does: "Says whether it is put right today; if not, who must know is told", Who: staff,
			Fields: with(Field{Name: "today", Kind: YesNo, Required: true, Missing: "yes or no", Help: "whether it is put right today"},
				Field{Name: "reason", Kind: Text, Help: "why not"}, Field{Name: "expected_date", Kind: Date, Help: "when it is expected"}),
			Forms: []Form{{Purpose: "forecast_yes", Settled: []string{"today", "yes"}},
				{Purpose: "forecast_no", Settled: []string{"today", "no"}, Asks: []string{"reason", "expected_date"},
					Must: []string{"reason", "expected_date"}, Writes: []string{"reason", "expected_date"}}}},
		{Verb: "escalate", Does: "Who answers for the customer is told that you cannot put it right", Who: staff,
			Fields: with(Field{Name: "reason", Kind: Text, Required: true, Missing: "say why it cannot be put right", Help: "why it cannot be put right"}),
			Forms:  []Form{{Purpose: "escalate", Asks: []string{"reason"}, Must: []string{"reason"}, Writes: []string{"reason"}}}},
		{Verb: "answer", Does: "The customer's word: nobody phones, and it waits for the date", Who: all,
			Fields: with(note, Field{Name: "until", Kind: Date, Help: "when to look again; without it the day named before, or in a week"},
				Field{Name: "result", Kind: Choice, Choices: []string{"done", "away", "call_me", "not_mine"}, Help: "what the customer said"}),
			Forms: []Form{{Purpose: "answer", Asks: []string{"result", "until", "note"}, Must: []string{"result"}, Writes: []string{"until", "note"}}}},
		{Verb: "call", Does: "A phone call is kept, and its written trace leaves", Who: staff,
			Fields: with(Field{Name: "outcome", Kind: Outcome, Required: true, Help: "as the scenario names it"},
				Field{Name: "person", Kind: Line, Help: "whom you spoke to"},
				Field{Name: "agreed", Kind: Text, Help: "what was agreed: the customer reads it word for word"},
				Field{Name: "note", Kind: Text, Help: "for the team alone: the customer never reads it"}, Field{Name: "next_date", Kind: Date, Help: "what was agreed; the usual delay without it"}),
			Forms: []Form{{Purpose: "call", Asks: []string{"outcome", "person", "agreed", "next_date", "note"}, Must: []string{"outcome"},
				Writes: []string{"outcome", "person", "agreed", "note"}}}},
		{Verb: "check_other", Does: "Says whether the machine's other backup works", Who: staff,
			Fields: with(Field{Name: "result", Kind: Choice, Choices: []string{"ok", "ko"}, Required: true, Help: "what you found"},
				Field{Name: "note", Kind: Text, Help: "how you know; required against what is measured"}),
			Forms: []Form{{Purpose: "check_ok", Settled: []string{"result", "ok"}, Asks: []string{"note"}, Must: []string{"note"}, Writes: []string{"note"}},
				{Purpose: "check_ko", Settled: []string{"result", "ko"}, Asks: []string{"note"}, Writes: []string{"note"}}}},
		{Verb: "immediate", Does: "It is put right at once: nobody is told unless that fails; or it cannot be, and they are told now", Who: staff, Platform: true,
			Fields: with(Field{Name: "possible", Kind: YesNo, Help: "no, when it cannot be put right at once; yes without it"}),
			Forms: []Form{{Purpose: "immediate", Asks: []string{"note"}, Writes: []string{"note"}},
				{Purpose: "not_immediate", Settled: []string{"possible", "no"}, Asks: []string{"note"}, Writes: []string{"note"}}}},
		{Verb: "qualify", Does: "Gives severity, cause and scope; deadlines follow", Who: staff, Platform: true,
			Fields: with(Field{Name: "severity", Kind: Severity, Help: "as the scenario orders them; the present one without it"},
				Field{Name: "cause", Kind: Cause, Help: "a code of the policy, or unknown"},
				Field{Name: "scope", Kind: Choice, Choices: []string{"all", "part"}, Help: "whom it hits"},
				Field{Name: "note", Kind: Text, Help: "why it is qualified so: the customer reads it word for word"}),
			Forms: []Form{{Purpose: "qualify", Asks: []string{"severity", "cause", "scope", "note"}, Must: []string{"severity"}, Writes: []string{"severity", "cause"}}}},
		{Verb: "workaround", Does: "A way to work until it is repaired is proposed", Who: staff, Platform: true,
			Fields: with(Field{Name: "text", Kind: Text, Required: true, Missing: "say what the workaround is", Help: "how to work meanwhile"}),
			Forms:  []Form{{Purpose: "workaround", Asks: []string{"text"}, Must: []string{"text"}, Writes: []string{"text"}}}},
		{Verb: "cascade", Does: "Hands it to level 3, or back", Who: staff, Platform: true,
			Fields: with(Field{Name: "reason", Kind: Text, Required: true, Missing: "say why level 3 must look", Help: "why"},
				Field{Name: "level", Kind: Choice, Choices: []string{"2", "3"}, Help: "to whom; 3 without it"}),
			Forms: []Form{{Purpose: "cascade", Asks: []string{"reason", "level"}, Must: []string{"reason"}, Writes: []string{"reason"}}}},
		{Verb: "promote", Does: "Makes a request for assistance an incident", Who: staff,
			Fields: with(Field{Name: "severity", Kind: Severity, Help: "the scenario's usual one without it"},
				Field{Name: "scenario", Kind: Line, Help: "which; the first with severities without it"}),
			Forms: []Form{{Purpose: "promote", Asks: []string{"severity", "note"}, Writes: []string{"severity"}}}},
		{Verb: "merge", Does: "Closes it in favour of another incident", Who: staff,
			Fields: with(Field{Name: "into", Kind: Line, Required: true, Missing: "name the incident that goes on", Help: "the incident that goes on"}),
			Forms:  []Form{{Purpose: "merge", Asks: []string{"into", "note"}, Must: []string{"into"}, Writes: []string{"into"}}}},
		{Verb: "restore", Does: "A restore is begun; its time runs", Who: staff, Fields: with(), Forms: plain("restore")},
		{Verb: "restore_verified", Does: "The restore is proven good", Who: staff, Fields: with(), Forms: plain("restore_verified")},
		{Verb: "pause", Does: "The clocks stand still: it waits for the customer", Who: staff,
			Fields: with(Field{Name: "until", Kind: Date, Help: "when the wait ends; until resume without it; where customers are phoned until the day agreed on, or for a week"}),
			Forms:  []Form{{Purpose: "pause", Asks: []string{"until", "note"}, Writes: []string{"until", "note"}}}},
		{Verb: "resume", Does: "The clocks run again", Who: staff, Fields: with(), Forms: plain("resume")},
		{Verb: "resolve", Does: "Ends it by your word; where only a success ends it, once one is proven", Who: staff, Ended: true, Not: []string{"resolved", "closed"},
			Fields: with(Field{Name: "cause", Kind: Cause, Help: "a code of the policy, or unknown; required where the scenario says so"},
				Field{Name: "note", Kind: Text, Help: "what was done: a platform's customer reads it word for word; required while it still fails"},
				Field{Name: "data_loss", Kind: Line, Help: "none, or what was lost; required after a restore and for some causes"}),
			Forms: []Form{{Purpose: "resolve", Asks: []string{"cause", "data_loss", "note"}, Must: []string{"cause", "note"}, Writes: []string{"cause", "note"}}}},
		{Verb: "close", Does: "Ends it without a repair", Who: staff, Ended: true, Not: []string{"closed"},
			Fields: with(Field{Name: "reason", Kind: Choice, Choices: CloseReasons(), Required: true,
				Missing: strings.Join(CloseReasons(), ", "), Help: "why, for all who were written to; usual are"},
				Field{Name: "data_loss", Kind: Line, Help: "none, or what was lost; required after a restore and for some causes"}),
			Forms: []Form{{Purpose: "close", Asks: []string{"reason", "data_loss"}, Must: []string{"reason"}, Writes: []string{"reason"}}}},
		{Verb: "reopen", Does: "It still fails: everything begins anew", Who: all, Ended: true, Fields: with(), Forms: plain("reopen")},
		{Verb: "decommission", Does: "The machine is gone: it is closed, and new failures are passed over for 30 days", Who: staff, Ended: true,
			Fields: with(Field{Name: "reason", Kind: Text, Required: true, Missing: "say why the machine is gone", Help: "why it is gone"}),
			Forms:  []Form{{Purpose: "decommission", Asks: []string{"reason"}, Must: []string{"reason"}, Writes: []string{"reason"}}}},
		{Verb: "rebase", Does: "Moves it to the policy in force now", Who: staff, Fields: with(), Forms: []Form{{Purpose: "rebase", Asks: []string{"reason"}, Writes: []string{"reason"}}}},
		{Verb: "waive", Does: "A written trace is complete without an address that was refused", Who: staff,
			Fields: with(Field{Name: "to", Kind: Line, Required: true, Help: "the refused address, or whose it is"},
				Field{Name: "reason", Kind: Text, Required: true, Help: "why the trace is complete without it"}),
			Forms: []Form{{Purpose: "waive", Asks: []string{"to", "reason"}, Must: []string{"to", "reason"}, Writes: []string{"to", "reason"}}}},
		{Verb: "silence", Does: "Silences it in Alertmanager while you work; deadlines go on", Who: staff,
			Fields: with(Field{Name: "until", Kind: Instant, Help: "when it ends; with the service day without it"},
				Field{Name: "comment", Kind: Line, Help: "what you are doing"},
				Field{Name: "silence", Kind: Line, Internal: true, Help: "its ids in Alertmanager"}),
			Forms: []Form{{Purpose: "silence", Asks: []string{"until", "comment"}, Must: []string{"until", "comment"}, Writes: []string{"comment"}}}},
		{Verb: "unsilence", Does: "Ends the silence of it before its time: yours, or with force and a reason another's, who is told", Who: staff, Ended: true,
			Fields: with(Field{Name: "force", Kind: YesNo, Help: "end what somebody else silenced, too"},
				Field{Name: "reason", Kind: Text, Help: "why; required for somebody else's"},
				Field{Name: "silence", Kind: Line, Internal: true, Help: "its ids in Alertmanager"}),
			Forms: []Form{{Purpose: "unsilence", Asks: []string{"force", "reason"}}}},
	}
}
