# syntax=docker/dockerfile:1

# Built in the repository: docker build -t lockservice .
# Every step is a command that can also be run by hand in a copy of the repository.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# Only what decides which packages are needed, so that a change of the code does not restore them again.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/LockService.ZooKeeper/LockService.ZooKeeper.csproj src/LockService.ZooKeeper/
COPY src/LockService.Recipes/LockService.Recipes.csproj src/LockService.Recipes/
COPY src/LockService.Contracts/LockService.Contracts.csproj src/LockService.Contracts/
COPY src/LockService.Api/LockService.Api.csproj src/LockService.Api/
RUN dotnet restore src/LockService.Api/LockService.Api.csproj

# The build is the linter: without .editorconfig and BannedSymbols.txt it would not be the same build.
COPY .editorconfig BannedSymbols.txt ./
COPY src/ src/
RUN dotnet publish src/LockService.Api/LockService.Api.csproj --configuration Release --no-restore --output /app -p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app ./

ENV ASPNETCORE_URLS=http://0.0.0.0:8080 \
    DOTNET_EnableDiagnostics=0
EXPOSE 8080
STOPSIGNAL SIGTERM

# The image brings this user; nothing in /app needs to be written.
USER $APP_UID

# Liveness only: a restart would not bring ZooKeeper back. What balances load asks /readyz instead. The image has bash but no curl.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<> /dev/tcp/127.0.0.1/8080 && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]

ENTRYPOINT ["dotnet", "LockService.Api.dll"]
