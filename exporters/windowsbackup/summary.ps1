# Writes what Windows Server Backup says about itself as JSON in UTF-8, with
# instants in whole seconds since 1970 UTC, whatever the language of the system.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$epoch = New-Object DateTime 1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc)
function Seconds($d) {
    if ($null -eq $d -or $d.Year -le 1970) { return $null }
    [int64][Math]::Floor(($d.ToUniversalTime() - $epoch).TotalSeconds)
}
function Number($v) { if ($null -eq $v) { $null } else { [int64]$v } }
function Text($v) { if ($null -eq $v) { '' } else { [string]$v } }

if (-not (Get-Command Get-WBSummary -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine('Get-WBSummary is not there: install the feature Windows-Server-Backup')
    exit 20
}
$s = Get-WBSummary
$out = @{
    Schema                     = 1
    NextBackupTime             = Seconds $s.NextBackupTime
    LastSuccessfulBackupTime   = Seconds $s.LastSuccessfulBackupTime
    LastBackupTime             = Seconds $s.LastBackupTime
    NumberOfVersions           = Number $s.NumberOfVersions
    LastBackupResultHR         = Number $s.LastBackupResultHR
    LastBackupResultDetailedHR = Number $s.LastBackupResultDetailedHR
    DetailedMessage            = Text $s.DetailedMessage
    CurrentOperationStatus     = Text $s.CurrentOperationStatus
    Schedule                   = $null
}
try {
    $policy = Get-WBPolicy
    if ($null -ne $policy) {
        $out.Schedule = @(Get-WBSchedule -Policy $policy | ForEach-Object { $_.Hour * 60 + $_.Minute })
    }
} catch { $out.Schedule = $null } # a host without a policy is backed up by hand
$bytes = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $out -Compress -Depth 3))
$stdout = [Console]::OpenStandardOutput()
$stdout.Write($bytes, 0, $bytes.Length)
$stdout.Flush()
