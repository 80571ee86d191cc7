# syntax=docker/dockerfile:1
#   docker build -t tfjs-serving .
#   docker build -t tfjs-serving:gpu --build-arg VARIANT=gpu .
ARG NODE_VERSION=22

# Everything is made here; of it the image gets what serving loads.
FROM node:${NODE_VERSION}-bookworm-slim AS build
# cpu, or gpu for the CUDA libraries; of NVIDIA's things only the driver comes from outside.
ARG VARIANT=cpu
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ python3 python3-pip \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY . .
# Without the sources, and without the packages that only the build needs, it is the published package.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && find dist -name '*.map' -delete \
  && rm -rf src dist/.tsbuildinfo package-lock.json
ENV TFJS_SERVING_CACHE=/opt/tfjs-serving
RUN node bin/tfjs-serving.js setup --variant "$VARIANT" \
  && rm -rf /opt/tfjs-serving/locks /opt/tfjs-serving/tmp

FROM node:${NODE_VERSION}-bookworm-slim
WORKDIR /app
# Set-up has linked the package to the libraries at this place.
COPY --from=build /opt/tfjs-serving /opt/tfjs-serving
COPY --from=build /app /app
# For rewritten models: may be a volume, or memory where the root is read-only.
RUN mkdir -p /var/cache/tfjs-serving /models \
  && chown 1000:1000 /var/cache/tfjs-serving
ENV NODE_ENV=production \
  HOST=0.0.0.0 \
  PORT=8080 \
  TFJS_SERVING_CACHE=/var/cache/tfjs-serving \
  TFJS_SERVING_SKIP_SETUP=1 \
  NVIDIA_VISIBLE_DEVICES=all \
  NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/v2/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The models of /app/saved_models unless TFJS_SERVING_MODEL_REPOSITORY or --model-repository names others.
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD []
