# Installs backup_exporter as a Windows service. Run as administrator, in the
# folder that the zip was unpacked to:
#
#   powershell -ExecutionPolicy Bypass -File install-service.ps1
#
# The configuration is expected in C:\ProgramData\backup_exporter; what scripts
# push is kept there, too. Run again after an upgrade: only the program changes.
#Requires -RunAsAdministrator
[CmdletBinding()]
param(
  [string] $Folder = "$env:ProgramFiles\backup_exporter",
  [string] $Data = "$env:ProgramData\backup_exporter",
  [string] $Listen = '127.0.0.1:9891'
)
$ErrorActionPreference = 'Stop'
$name = 'backup_exporter'

# A program that fails does not end a script by itself.
function Invoke-Program([string] $Program, [string[]] $Arguments) {
  & $Program @Arguments | Out-Host
  if ($LASTEXITCODE -ne 0) { throw "$Program $Arguments ended with $LASTEXITCODE" }
}

New-Item -ItemType Directory -Force $Folder, $Data, "$Data\secrets" | Out-Null
# Only the system, administrators and (below, once it exists) the service read
# secrets. Groups by their numbers: their names are translated.
Invoke-Program icacls.exe @($Data, '/inheritance:r', '/grant:r', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F')

$config = "$Data\backup_exporter.yml"
if (-not (Test-Path $config)) {
  Copy-Item "$PSScriptRoot\backup_exporter.yml" "$config.example" -Force
  Write-Host "No $config yet: make it from $config.example, then run this script again."
  exit 1
}
# By the new program, before the one that runs is stopped.
Invoke-Program "$PSScriptRoot\backup_exporter.exe" @("--config.file=$config", '--check')

$service = Get-Service $name -ErrorAction SilentlyContinue
if ($service -and $service.Status -ne 'Stopped') { Stop-Service $name }
Copy-Item "$PSScriptRoot\backup_exporter.exe" $Folder -Force

# Windows PowerShell would lose the quotes on the way to sc.exe.
$command = '"{0}\backup_exporter.exe" "--config.file={1}" "--storage.path={2}" --web.listen-address={3}' -f $Folder, $config, $Data, $Listen
if ($service) {
  $changed = Get-CimInstance Win32_Service -Filter "Name='$name'" | Invoke-CimMethod -MethodName Change -Arguments @{ PathName = $command }
  if ($changed.ReturnValue -ne 0) { throw "the service's command was not changed: $($changed.ReturnValue)" }
} else {
  New-Service -Name $name -BinaryPathName $command -DisplayName 'Backup exporter' -Description 'Job results of backup products as Prometheus metrics' | Out-Null
}
Invoke-Program sc.exe @('config', $name, 'start=', 'delayed-auto', 'obj=', "NT SERVICE\$name")
Invoke-Program sc.exe @('failure', $name, 'reset=', '86400', 'actions=', 'restart/5000/restart/5000/restart/60000')
# A program that ends with an error has told the service manager that it stops;
# without this only one that crashed is started again.
Invoke-Program sc.exe @('failureflag', $name, '1')
Invoke-Program icacls.exe @($Data, '/grant', "NT SERVICE\${name}:(OI)(CI)M")
Start-Service $name
Get-Service $name
