<#
Copies a folder with robocopy and reports the run.

  powershell -NoProfile -ExecutionPolicy Bypass -File robocopy.ps1 -Job documents -From D:\Documents -To \\nas\backup\documents

NOT RUN BY ITS AUTHORS: written from the documentation of robocopy and of
PowerShell 5.1, and never tried on Windows. Try it by hand first.

The report's settings come from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE, VIGIE_SPOOL,
VIGIE_MACHINE and VIGIE_CLASS (machine environment). robocopy's codes are
bits: below 4 is a success, 4 to 7 mismatches, from 8 on files are missing.
#>
param(
    [Parameter(Mandatory = $true)][string]$Job,
    [Parameter(Mandatory = $true)][string]$From,
    [Parameter(Mandatory = $true)][string]$To,
    [string[]]$Options = @('/E', '/R:2', '/W:5', '/NP'),
    [string]$Exporter = 'C:\Program Files\backup_exporter\backup_exporter.exe'
)
$log = [IO.Path]::GetTempFileName()
try {
    $started = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    # /UNILOG writes UTF-16 with its mark, which the exporter reads.
    & robocopy.exe $From $To @Options "/UNILOG:$log" | Out-Null
    $code = $LASTEXITCODE
    & $Exporter push "--job=$Job" '--engine=robocopy' '--object-type=files' "--exit-code=$code" "--started=$started" "--log=$log"
    if ($LASTEXITCODE -ne 0) { [Console]::Error.WriteLine("robocopy.ps1: not reported yet (code $LASTEXITCODE)") }
}
finally {
    Remove-Item -LiteralPath $log -ErrorAction SilentlyContinue
}
# Task Scheduler shows every other code than 0 as a failure.
if ($code -ge 0 -and $code -lt 8) { exit 0 }
exit $code
