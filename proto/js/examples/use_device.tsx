// Hooks for React: one client for the whole page, subscriptions that come and go with their components.
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { PulsegateClient, type ClientOptions, type DeviceStatus, type Metrics } from 'pulsegate-client';

const Client = createContext<PulsegateClient | null>(null);

/** `options` count when it is mounted. */
export function Pulsegate({ options, children }: { options: ClientOptions; children: ReactNode }) {
  const [client, setClient] = useState<PulsegateClient | null>(null);
  useEffect(() => {
    const made = new PulsegateClient(options);
    setClient(made);
    return () => made.close();
  }, []);
  return client && <Client.Provider value={client}>{children}</Client.Provider>;
}

/** The latest metrics of a device and how it is, at most so many times a second. */
export function useDevice(device: string, maxRate = 2): { metrics?: Metrics; status?: DeviceStatus } {
  const client = useContext(Client);
  const [value, setValue] = useState<{ metrics?: Metrics; status?: DeviceStatus }>({});
  useEffect(() => {
    setValue({});
    const subscription = client?.subscribe({ channels: ['metrics'], devices: device, maxRate }, {
      metrics: ({ data }) => setValue((before) => ({ ...before, metrics: data })),
      status: (status) => setValue((before) => ({ ...before, status })),
    });
    return () => subscription?.close();
  }, [client, device, maxRate]);
  return value;
}

/** Two hundred of these share one socket, and are asked for in a handful of commands. */
export function Tile({ device }: { device: string }) {
  const { metrics, status } = useDevice(device);
  return <li aria-busy={status?.state === 'reconnecting'}>{device} {metrics?.cpu_usage ?? '…'} % {status?.state}</li>;
}

export function Wall({ devices, token }: { devices: string[]; token: () => Promise<string> }) {
  return (
    <Pulsegate options={{ token }}>
      <ul>{devices.map((device) => <Tile key={device} device={device} />)}</ul>
    </Pulsegate>
  );
}
