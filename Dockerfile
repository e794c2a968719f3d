# The service alone: the binary, the C library, the authorities that the world trusts. No shell, no root.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# Crates that others wrote are kept between builds, as they came and as they were compiled. Ours are newer than what was
# compiled before, regardless of the times of their files: those of a second checkout or an archive may be old.
RUN --mount=type=cache,id=auth-server-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=auth-server-target,target=/src/target,sharing=locked \
    find crates migrations -type f -exec touch {} + \
    && cargo build --locked --release --package auth-server \
    && install -D --mode=755 target/release/auth-server /image/auth-server
RUN ldd /image/auth-server | grep --only-matching '/[^ ]*' | xargs cp --parents --dereference --target-directory=/image \
    && install -D --mode=444 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && echo 'auth:x:10001:10001::/:/none' > /image/etc/passwd \
    && mkdir --parents /image-of-data

FROM scratch
LABEL org.opencontainers.image.title="auth-server" \
      org.opencontainers.image.description="Password authentication as a service: register, log in, stay logged in, log out, recover." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/ /
# For an embedded database: a new volume gets its owner from here.
COPY --from=build --chown=10001:10001 --chmod=700 /image-of-data /data
USER 10001:10001
ENV AUTH_PROFILE=production AUTH_LISTEN=0.0.0.0:5000 AUTH_DATA_DIR=/data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=10s --start-period=10s CMD ["/auth-server", "health"]
ENTRYPOINT ["/auth-server"]
