export { ServingError } from './kernel/errors';
