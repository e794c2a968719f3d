# syntax=docker/dockerfile:1
# The service alone: the binary, the C library, the authorities that the world trusts. No shell, no root.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# Crates that others wrote are kept between builds, as they came and as they were compiled.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --package auth-server \
    && install -D --mode=755 target/release/auth-server /image/auth-server
RUN ldd /image/auth-server | grep --only-matching '/[^ ]*' | xargs cp --parents --dereference --target-directory=/image \
    && install -D --mode=444 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && echo 'auth:x:10001:10001::/:/none' > /image/etc/passwd

FROM scratch
COPY --from=build /image/ /
USER 10001:10001
ENV AUTH_PROFILE=production AUTH_LISTEN=0.0.0.0:5000
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=10s --start-period=10s CMD ["/auth-server", "health"]
ENTRYPOINT ["/auth-server"]
