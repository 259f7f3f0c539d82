FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=0
RUN go build -trimpath -buildvcs=false -tags nodynamic -ldflags '-s -w' -o /out/ ./cmd/selvage ./cmd/selvage-verify

FROM debian:bookworm-slim
# ffmpeg reads what the built-in decoders do not; rsvg-convert draws SVG; tesseract reads the
# text of scans.
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends ca-certificates ffmpeg librsvg2-bin \
    tesseract-ocr tesseract-ocr-eng tesseract-ocr-chi-sim \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 selvage \
 && useradd --uid 10001 --gid selvage --home-dir /data --no-create-home --shell /usr/sbin/nologin selvage \
 && install -d -o selvage -g selvage -m 0700 /data
COPY --from=build /out/selvage /out/selvage-verify /usr/local/bin/
COPY LICENSE /usr/share/doc/selvage/LICENSE
USER selvage
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["selvage", "healthcheck", "http://127.0.0.1:8080"]
ENTRYPOINT ["selvage"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:8080"]
