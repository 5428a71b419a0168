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

New-Item -ItemType Directory -Force $Folder, $Data, "$Data\secrets" | Out-Null
# Only the service, administrators and the system read secrets.
icacls "$Data" /inheritance:r /grant:r 'SYSTEM:(OI)(CI)F' 'Administrators:(OI)(CI)F' "NT SERVICE\${name}:(OI)(CI)M" 2>$null | Out-Null

$service = Get-Service $name -ErrorAction SilentlyContinue
if ($service -and $service.Status -ne 'Stopped') { Stop-Service $name }
Copy-Item "$PSScriptRoot\backup_exporter.exe" $Folder -Force

$config = "$Data\backup_exporter.yml"
if (-not (Test-Path $config)) {
  Copy-Item "$PSScriptRoot\backup_exporter.yml" "$config.example" -Force
  Write-Host "No $config yet: make it from $config.example, then run this script again."
  exit 1
}
& "$Folder\backup_exporter.exe" "--config.file=$config" --check
if ($LASTEXITCODE -ne 0) { throw "the configuration is refused; see above" }

$command = "`"$Folder\backup_exporter.exe`" --config.file=`"$config`" --storage.path=`"$Data`" --web.listen-address=$Listen"
if ($service) {
  sc.exe config $name binPath= $command | Out-Null
} else {
  sc.exe create $name binPath= $command start= delayed-auto obj= "NT SERVICE\$name" DisplayName= 'Backup exporter' | Out-Null
  sc.exe description $name 'Job results of backup products as Prometheus metrics' | Out-Null
  sc.exe failure $name reset= 86400 actions= restart/5000/restart/5000/restart/60000 | Out-Null
  icacls "$Data" /grant "NT SERVICE\${name}:(OI)(CI)M" | Out-Null
}
Start-Service $name
Get-Service $name
