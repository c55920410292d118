export interface Product {
  readonly id: string;
  readonly name: string;
  /** In cents. */
  readonly price: number;
}

export const CATALOGUE: readonly Product[] = [
  { id: 'apples', name: 'Apples', price: 249 },
  { id: 'bread', name: 'Bread', price: 380 },
  { id: 'coffee', name: 'Coffee', price: 795 },
  { id: 'honey', name: 'Honey', price: 650 },
];
