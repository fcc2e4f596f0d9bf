# syntax=docker/dockerfile:1.7

FROM golang:1.26.8-bookworm AS build
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/espalier ./cmd/espalier

# The object store of docker-compose.yml: the commit that `make minio` builds
# for the tests.
FROM golang:1.26.8-bookworm AS minio-build
ENV CGO_ENABLED=0
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOBIN=/out go install -trimpath -ldflags "-s -w" "github.com/minio/minio@${MINIO_VERSION}"

FROM alpine:3.23.3 AS minio
RUN addgroup -S -g 1000 minio && adduser -S -u 1000 -G minio minio \
    && mkdir /data && chown minio:minio /data
COPY --from=minio-build /out/minio /usr/local/bin/minio
USER minio
VOLUME /data
EXPOSE 9000 9001
STOPSIGNAL SIGTERM
# A folder in an empty drive is a bucket: Espalier's is there from the start.
ENTRYPOINT ["/bin/sh", "-c", "mkdir -p /data/espalier && exec minio server --quiet --address :9000 --console-address :9001 /data"]

# The last stage is the one that a plain `docker build .` gives.
FROM debian:12.13-slim AS espalier
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libopenblas0-pthread \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 espalier \
    && useradd --uid 1000 --gid espalier --create-home espalier \
    && mkdir /data && install -d -o espalier -g espalier /var/lib/espalier
COPY --from=build /out/espalier /usr/local/bin/espalier
USER espalier
WORKDIR /var/lib/espalier
# Caches and logs; also the embedded servers' files, where they are used.
ENV ESPALIER_HOME=/var/lib/espalier
VOLUME /var/lib/espalier
STOPSIGNAL SIGTERM
ENTRYPOINT ["espalier"]
CMD ["--help"]
