// What the demo is registered as. Apart from the demo itself, so that a start without it loads nothing of it.

/** Registered at the first start. */
export const demoSite = 'demo-site';

/** Where it is, and what it is registered with. */
export const demoUris = (issuer: string) => ({
  page: `${issuer}/demo`,
  redirectUri: `${issuer}/demo/callback`,
});
