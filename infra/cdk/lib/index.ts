export { OvertimeLayer, type OvertimeLayerProps } from './layer';
export {
  MemberAccount,
  type MemberAccountProps,
  MemberAccountStack,
  type MemberAccountStackProps,
} from './member-account';
export type { ArchitectureName, DoorName, DoorSize } from './names';
export { type MetricsProps, Overtime, type OvertimeProps, type RetentionProps, type WebhookProps } from './overtime';
export type { ChannelsProps } from './permissions';
export type { ProviderProps, RoleName, SignInProps } from './sign-in';
export { type StoredLogs, WatchFunctions, type WatchFunctionsProps } from './watch';
