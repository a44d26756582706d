// The image's HEALTHCHECK, for there is no curl in it: exit 0 if the issuer in this container answers /livez.
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const { PORT, MINTMARK_OPERATOR_PORT, MINTMARK_TLS_CERT } = process.env;
const get = MINTMARK_TLS_CERT && !MINTMARK_OPERATOR_PORT ? getHttps : getHttp;
const livez = {
  host: '127.0.0.1',
  port: MINTMARK_OPERATOR_PORT || PORT || 3000,
  path: '/livez',
  timeout: 2000,
  // The certificate is for the issuer's name; we ask our own loopback, and only whether anyone is there.
  rejectUnauthorized: false,
};

const request = get(livez, (response) => process.exit(response.statusCode === 200 ? 0 : 1));
request.on('timeout', () => process.exit(1));
request.on('error', () => process.exit(1));
