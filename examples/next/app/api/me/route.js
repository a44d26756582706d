// A route of the API. The token is good: proxy.js lets no other one come here.
import { decodeJwt } from 'jose';

export function GET(request) {
  return Response.json(decodeJwt(request.headers.get('authorization').split(/ +/)[1]));
}
