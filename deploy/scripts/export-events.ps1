<#
Exports the event logs about backups into a folder, for a machine on which no
exporter may run. A backup_exporter elsewhere reads them: see `collected` in
docs/sources/windowsbackup.md and docs/sources/veeamevents.md.

  powershell -NoProfile -ExecutionPolicy Bypass -File export-events.ps1 -Folder \\collector\vigie\srv-fic

NOT RUN BY ITS AUTHORS: written from the documentation of wevtutil, and never
tried on Windows. Try it by hand first.

Let the task scheduler run it every hour, as an account that may read the logs
(group Event Log Readers) and write into the folder. A log that the machine
does not have is passed over. Each file is written beside the old one and then
takes its place, so that nobody reads half of it.
#>
param(
    [Parameter(Mandatory = $true)][string]$Folder,
    [string[]]$Logs = @('Microsoft-Windows-Backup', 'Application', 'Veeam Backup', 'Veeam Agent'),
    [int]$Days = 31
)
$ErrorActionPreference = 'Stop'
$wevtutil = Join-Path $env:SystemRoot 'System32\wevtutil.exe'
$known = & $wevtutil enum-logs
$milliseconds = [int64]$Days * 86400000
$failed = 0
foreach ($log in $Logs) {
    if ($known -notcontains $log) { continue }
    $name = $log.Replace('/', '-') + '.xml'
    $new = Join-Path $Folder ($name + '.new')
    $query = "*[System[TimeCreated[timediff(@SystemTime) <= $milliseconds]]]"
    if ($log -eq 'Application') {
        $query = "*[System[Provider[@Name='Microsoft-Windows-Backup'] and TimeCreated[timediff(@SystemTime) <= $milliseconds]]]"
    }
    # The raw bytes of the program: PowerShell's own redirection would change the encoding.
    $run = Start-Process -FilePath $wevtutil -Wait -PassThru -NoNewWindow -RedirectStandardOutput $new `
        -ArgumentList @('query-events', "`"$log`"", '/format:RenderedXml', '/element:Events', '/unicode:true', "`"/query:$query`"")
    if ($run.ExitCode -ne 0) {
        [Console]::Error.WriteLine("export-events.ps1: $log was not exported (code $($run.ExitCode))")
        Remove-Item -LiteralPath $new -ErrorAction SilentlyContinue
        $failed = 1
        continue
    }
    Move-Item -LiteralPath $new -Destination (Join-Path $Folder $name) -Force
}
exit $failed
