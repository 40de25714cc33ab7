export const toKelvin = (celsius: number) => {
  if (celsius < -273.15) throw new RangeError(`${celsius} °C is below absolute zero.`);
  return celsius + 273.15;
};
