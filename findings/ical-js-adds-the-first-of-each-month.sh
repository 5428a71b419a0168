#!/usr/bin/env bash
# A monthly iCalendar rule for the first Sunday at 02:00 and at 14:00 (FREQ=MONTHLY;BYDAY=1SU;
# BYHOUR=2,14) falls for ical.js, too, on the 1st of each month at 14:00, whatever day that is.
# Two minutes of an hour in place of two hours do the same, and so do the second Tuesday and the
# last Friday. With a single time of day, or by BYMONTHDAY, the same days are right.
#
# By RFC 5545 (3.3.10) BYHOUR multiplies the days that the rule has chosen and chooses none. On
# from the first hour to the next within a month ical.js does so; at the turn of a month it puts
# the day to the 1st and looks for the Sunday only if there is no second hour that is still due.
#
# A calendar of maintenance windows mutes the alarms of a working day thus, and with COUNT ends
# early by what was added. The first month, in which one looks, is right, and so is any that
# begins with a Sunday. Write one event for each time of day.
#
# Seen with ical.js 2.2.1 and Node 20; rrule 2.8.1 gives the right days.
#
# Needs: bash, node, npm. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"type": "module"}' >package.json
npm install --silent --no-fund --no-audit ical.js@2.2.1 rrule@2.8.1 >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "ical.js $(node -p 'JSON.parse(fs.readFileSync("node_modules/ical.js/package.json")).version'), Node $(node --version)"
cat >days.js <<'J'
import ICAL from "ical.js";
import rrule from "rrule";

// The first five times, beginning with 1 November 2026, a Sunday.
function show(rule) {
  const times = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromDateTimeString("2026-11-01T02:00:00"));
  const ours = Array.from({length: 5}, () => times.next().toString());
  const theirs = rrule.rrulestr("DTSTART:20261101T020000Z\nRRULE:" + rule).all((_, i) => i < 5);
  const said = (all) => all.slice(0, 5).map((t) => t.slice(5, 16)).join(" ");
  console.log(rule);
  console.log(" ical.js " + said(ours));
  console.log(" rrule   " + said(theirs.map((t) => t.toISOString())));
}
show("FREQ=MONTHLY;BYDAY=1SU");
show("FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2,14");
show("FREQ=MONTHLY;BYDAY=1SU;BYMINUTE=0,30");
J
seen=$(node days.js)
echo "$seen"
want=${WANT:-'FREQ=MONTHLY;BYDAY=1SU
 ical.js 11-01T02:00 12-06T02:00 01-03T02:00 02-07T02:00 03-07T02:00
 rrule   11-01T02:00 12-06T02:00 01-03T02:00 02-07T02:00 03-07T02:00
FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2,14
 ical.js 11-01T02:00 11-01T14:00 12-01T14:00 12-06T02:00 12-06T14:00
 rrule   11-01T02:00 11-01T14:00 12-06T02:00 12-06T14:00 01-03T02:00
FREQ=MONTHLY;BYDAY=1SU;BYMINUTE=0,30
 ical.js 11-01T02:00 11-01T02:30 12-01T02:30 12-06T02:00 12-06T02:30
 rrule   11-01T02:00 11-01T02:30 12-06T02:00 12-06T02:30 01-03T02:00'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
