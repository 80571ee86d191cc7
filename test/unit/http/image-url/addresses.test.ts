import { isPublic } from '../../../../src/http/image-url/addresses';
import { originMatcher } from '../../../../src/http/image-url/origins';

test.each([
  ...['93.184.216.34', '1.1.1.1', '8.8.8.8', '2606:2800:220:1::1', '2a00:1450:4001::1'],
  '::ffff:93.184.216.34',
])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.each([
  ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '0.1.2.3', '10.0.0.1', '172.16.0.1', '172.31.255.255'],
  ...[
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '192.0.0.192',
    '192.0.2.1',
  ],
  ...['198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...['168.63.129.16', '::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::ffff:10.0.0.1'],
  ...['::127.0.0.1', '::7f00:1', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
  ...['2002:7f00:1::', '2001::1', '2001:db8::1', 'fec0::1', '100::1', '4000::1'],
  ...['', 'localhost', '127.1', '93.184.216.34.'],
])('%s is not', (address) => {
  expect(isPublic(address)).toBe(false);
});

describe('origins', () => {
  const isAllowed = originMatcher([
    'https://Images.example.org',
    'https://*.cdn.example.org',
    'http://*.example.net:8080',
  ]);

  test.each([
    'https://images.example.org/a',
    'https://images.example.org:443/a',
    'https://a.cdn.example.org/',
    'https://a.b.cdn.example.org/',
    'http://a.example.net:8080/',
  ])('%s is one of them', (url) => {
    expect(isAllowed(new URL(url))).toBe(true);
  });

  test.each([
    'http://images.example.org/',
    'https://images.example.org:8443/',
    'https://images.example.org.attacker.example/',
    'https://cdn.example.org/',
    'https://acdn.example.org/',
    'https://a.cdn.example.org.attacker.example/',
    'http://a.example.net/',
    'https://attacker.example/#https://images.example.org',
    'file:///images.example.org',
  ])('%s is not', (url) => {
    expect(isAllowed(new URL(url))).toBe(false);
  });
});
