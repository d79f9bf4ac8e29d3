# One static program and the CAs that it trusts; no shell, no package, nothing to write to.
#
#   make image                                          builds the program on this machine; no other image is needed
#   docker buildx build --platform linux/amd64,linux/arm64 .    builds it in a container

FROM scratch AS settings
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="logto-hasura" \
      org.opencontainers.image.description="Kubernetes operator that keeps Hasura roles, Logto scopes and Logto roles the same" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/logto-hasura"]
CMD ["operator"]

# With what image/build left in dist/.
FROM settings AS prebuilt
ARG TARGETARCH
COPY dist/$TARGETARCH/ /

# The compiler runs on the machine that builds, for the one that is asked for.
FROM --platform=$BUILDPLATFORM docker.io/library/rust:1.95.0-bookworm AS build
ARG BUILDARCH
ARG TARGETARCH
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \
    && case "$BUILDARCH-$TARGETARCH" in \
    amd64-arm64) apt-get install --yes --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;; \
    arm64-amd64) apt-get install --yes --no-install-recommends gcc-x86-64-linux-gnu libc6-dev-amd64-cross ;; \
    esac
WORKDIR /src
COPY . .
RUN image/build "$TARGETARCH"

FROM settings
ARG TARGETARCH
COPY --from=build /src/dist/$TARGETARCH/ /
