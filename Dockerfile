# The image of Mintmark: built with everything, shipped with what runs. Works on a read-only root file system;
# what it writes goes to /data (the embedded store only) and /keys (root secret and key-encryption keys).

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts
RUN rm -rf build/test build/bench
# Made here and copied with their mode, because the image that ships runs no commands.
RUN mkdir -p volumes/data volumes/keys && chmod 700 volumes/data volumes/keys

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 MINTMARK_DATA=/data MINTMARK_KEYS=/keys
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/config ./config
COPY --from=build /app/src/stores/postgres/migrations ./src/stores/postgres/migrations
COPY --from=build /app/build ./build
COPY --from=build --chown=1000:1000 /app/volumes/ /
# By number, so that a platform can see that it is not root.
USER 1000:1000
VOLUME ["/data", "/keys"]
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "build/bin/healthcheck.js"]
ENTRYPOINT ["node", "/app/build/bin/mintmark.js"]
CMD ["start"]
