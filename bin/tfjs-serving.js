#!/usr/bin/env node
'use strict';

// Read by any version of Node, however old, to say which one is needed: nothing newer than ES5 here.
var MINIMUM = 20;
var version = process.versions.node;

if (parseInt(version, 10) >= MINIMUM) {
  require('./launch.cjs').launch(process.argv.slice(2));
} else {
  console.error(
    'tfjs-serving needs Node ' + MINIMUM + ' or newer, and this is Node ' + version + '.'
  );
  console.error('Install Node 20, 22 or 24, for example with: nvm install 22');
  process.exit(1);
}
