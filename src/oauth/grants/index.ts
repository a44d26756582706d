// The grant types this server offers. This one table drives registration, the token endpoint and the metadata.
export const grantTypes: readonly string[] = ['client_credentials'];
