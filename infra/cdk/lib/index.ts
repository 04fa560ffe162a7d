export { OvertimeLayer, type OvertimeLayerProps } from './layer';
export { MemberAccount, type MemberAccountProps } from './member-account';
export type { ArchitectureName, DoorName, DoorSize } from './names';
export { Overtime, type OvertimeProps, type WebhookProps } from './overtime';
export { WatchFunctions, type WatchFunctionsProps } from './watch';
