<#
Starts Windows Server Backup with its configured policy and reports the run.

  powershell -NoProfile -ExecutionPolicy Bypass -File wbadmin.ps1 -Job system

NOT RUN BY ITS AUTHORS: written from the documentation of wbadmin and of the
cmdlet Get-WBSummary, and never tried on Windows. Try it by hand first.

Needs the feature Windows Server Backup and an administrator. The report's
settings come from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE, VIGIE_SPOOL, VIGIE_MACHINE and
VIGIE_CLASS (machine environment).

Success takes all of it: wbadmin ends with 0, the summary's last backup is
this one, and both of its result codes are 0.
#>
param(
    [Parameter(Mandatory = $true)][string]$Job,
    [string[]]$Arguments = @(),
    [string]$Exporter = 'C:\Program Files\backup_exporter\backup_exporter.exe'
)
$began = [DateTime]::UtcNow
$started = ([DateTimeOffset]$began).ToUnixTimeSeconds()
$output = (& wbadmin.exe start backup @Arguments -quiet 2>&1 | Select-Object -Last 20 | Out-String)
$code = $LASTEXITCODE
$result = 'failed'
$text = "wbadmin ended with code $code`n$output"
if ($code -eq 0) {
    if (-not (Get-Command Get-WBSummary -ErrorAction SilentlyContinue)) {
        $result = 'unknown'
        $text = 'Get-WBSummary is missing: nothing confirms the success that wbadmin tells of'
    }
    else {
        $summary = Get-WBSummary
        $at = $summary.LastBackupTime.ToUniversalTime()
        if ($at -lt $began.AddMinutes(-2)) {
            $result = 'unknown'
            $text = "the summary knows no backup since $($began.ToString('o')): its last one is of $($at.ToString('o'))"
        }
        elseif ($summary.LastBackupResultHR -ne 0) {
            $text = ('result 0x{0:X8}: {1}' -f $summary.LastBackupResultHR, $summary.DetailedMessage)
        }
        elseif ($summary.LastBackupResultDetailedHR -ne 0) {
            $result = 'warning'
            $text = ('detailed result 0x{0:X8}: {1}' -f $summary.LastBackupResultDetailedHR, $summary.DetailedMessage)
        }
        else {
            $result = 'success'
            $text = ''
        }
    }
}
# The text goes by a file: quotes on a command line are a trap of PowerShell 5.1.
$log = [IO.Path]::GetTempFileName()
try {
    [IO.File]::WriteAllText($log, $text, (New-Object Text.UTF8Encoding $false))
    & $Exporter push "--job=$Job" '--engine=windows_server_backup' '--object-type=volumes' "--result=$result" "--started=$started" "--log=$log"
    if ($LASTEXITCODE -ne 0) { [Console]::Error.WriteLine("wbadmin.ps1: not reported yet (code $LASTEXITCODE)") }
}
finally {
    Remove-Item -LiteralPath $log -ErrorAction SilentlyContinue
}
exit $code
