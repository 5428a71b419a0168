# Removes the service; configuration and pushed results stay where they are.
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'
Stop-Service backup_exporter -ErrorAction SilentlyContinue
sc.exe delete backup_exporter | Out-Null
if ($LASTEXITCODE -ne 0) { throw "sc.exe delete backup_exporter ended with $LASTEXITCODE" }
Write-Host "removed; $env:ProgramData\backup_exporter stays"
