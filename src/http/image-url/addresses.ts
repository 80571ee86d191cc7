import ipaddr from 'ipaddr.js';

/** Addresses that look public and lead to a cloud's own services. */
const CLOUD_SERVICES = ['168.63.129.16'];
/** What IANA gives out to the public, 2000::/3; the rest of IPv6 leads elsewhere, or nowhere. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address is one of the public internet: neither private, loopback, link-local (where the metadata
 * of clouds is), shared, multicast or reserved, nor an IPv6 address that stands for such an IPv4 one.
 */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // IPv4 inside IPv6 becomes IPv4.
  const plain = ipaddr.process(address);
  if (plain.range() !== 'unicast') return false;
  if (plain instanceof ipaddr.IPv6) return plain.match(GLOBAL_V6);
  return !CLOUD_SERVICES.includes(plain.toString());
}
