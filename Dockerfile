# One static binary that runs as nobody on an empty file system.
FROM docker.io/library/golang:1.26 AS build
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /keyshift ./cmd/keyshift

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /keyshift /keyshift
USER 65532:65532
ENTRYPOINT ["/keyshift"]
CMD ["controller"]
